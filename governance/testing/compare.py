"""Comparing an answer with the annotations, in both directions: every miss and every false alarm is a mismatch."""

from __future__ import annotations

from dataclasses import dataclass

from governance.testing.page import Example, Expected, File
from governance.testing.run import Answer, Reported


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference between what an example says and what came out.

    path and line: in the example's file, "" and 0 when no file is concerned; page_line: where to look on the page.
    """

    page: str
    example: str
    path: str
    line: int
    page_line: int
    text: str

    def __str__(self) -> str:
        place = f" {self.path}:{self.line}:" if self.path else ""
        return f"{self.page or 'page'}:{self.page_line}: {self.example}:{place} {self.text}"


def compare(example: Example, answer: Answer) -> list[Mismatch]:
    """Everything that differs, by file and line; empty if the example holds."""
    found = [*_anchors(example, answer), *_vacuity(example, answer), *_skipped(example, answer)]
    for file in (each for each in example.files if not each.at):
        lines = {each.line for each in file.expected}
        mine = [each for each in answer.reported if each.path == file.path]
        for line in sorted(lines | {each.line for each in mine}):
            expected = [each for each in file.expected if each.line == line]
            found.extend(_line(example, file, line, expected, [each for each in mine if each.line == line]))
    paths = {file.path for file in example.files}
    strays = [each for each in answer.reported if each.path not in paths]
    return found + [_mismatch(example, None, 0, f"false alarm outside of the files: {_said(each)}") for each in strays]


def _line(
    example: Example, file: File, line: int, expected: list[Expected], reported: list[Reported]
) -> list[Mismatch]:
    """Pair annotations with findings one to one, as many as possible; what is left over is wrong."""
    pairs = _pairing(expected, reported)
    left = [each for position, each in enumerate(reported) if position not in pairs.values()]
    found = []
    for position, each in enumerate(expected):
        if position not in pairs:
            said = f"; this line reports {', '.join(map(_said, left))}" if left else ""
            found.append(_mismatch(example, file, line, f"missed {each}{said}"))
    found.extend(_mismatch(example, file, line, f"false alarm {_said(each)}") for each in left)
    return found


def _pairing(expected: list[Expected], reported: list[Reported]) -> dict[int, int]:
    """A maximum matching annotation -> finding by augmenting paths."""
    owner: dict[int, int] = {}

    def place(position: int, tried: set[int]) -> bool:
        for candidate, finding in enumerate(reported):
            if candidate in tried or not _fits(expected[position], finding):
                continue
            tried.add(candidate)
            if candidate not in owner or place(owner[candidate], tried):
                owner[candidate] = position
                return True
        return False

    for position in range(len(expected)):
        place(position, set())
    return {position: candidate for candidate, position in owner.items()}


def _fits(expected: Expected, reported: Reported) -> bool:
    return (
        expected.text in reported.message
        and expected.fails == reported.fails
        and expected.check in ("", reported.check)
    )


def _anchors(example: Example, answer: Answer) -> list[Mismatch]:
    found = []
    left = list(answer.broken)
    for anchor in example.broken:
        match = next((each for each in left if each[0] == anchor.option and anchor.text in each[1]), None)
        if match is None:
            said = f"; broken are {left}" if left else ""
            found.append(_mismatch(example, None, 0, f"option {anchor.option!r} should name nothing{said}"))
        else:
            left.remove(match)
    found.extend(_mismatch(example, None, 0, f"broken contract, option {option!r}: {text}") for option, text in left)
    return found


def _vacuity(example: Example, answer: Answer) -> list[Mismatch]:
    if example.vacuous and not answer.vacuous:
        return [_mismatch(example, None, 0, "the contract should have nothing to hold on to, but it has")]
    if answer.vacuous and not example.vacuous:
        names = ", ".join(answer.vacuous)
        return [_mismatch(example, None, 0, f"contract {names} looked at nothing, so its silence proves nothing")]
    return []


def _skipped(example: Example, answer: Answer) -> list[Mismatch]:
    found = []
    left = list(answer.skipped)
    for text in example.skipped:
        match = next((each for each in left if text in each[1]), None)
        if match is None:
            found.append(_mismatch(example, None, 0, f"a contract should be skipped, saying {text!r}"))
        else:
            left.remove(match)
    return found + [_mismatch(example, None, 0, f"contract {name} was skipped: {text}") for name, text in left]


def _said(reported: Reported) -> str:
    level = "finding" if reported.fails else "possible"
    return f"{level}[{reported.check}]: {reported.message}"


def _mismatch(example: Example, file: File | None, line: int, text: str) -> Mismatch:
    if file is None:
        return Mismatch(example.page, example.title, "", 0, example.line, text)
    page_line = file.page_line + line - 1 if line else file.page_line - 1
    return Mismatch(example.page, example.title, file.path, line, page_line, text)
