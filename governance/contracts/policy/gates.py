"""Gates: the lines of hooks and workflows that run the scanner, and the keys above them that decide whether they run.

The files are read as lines and their indentation, which is what YAML means by it too; nothing else of YAML is needed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from governance.files import Base, Files
from governance.globs import matcher

CONDITIONS: Final = frozenset(
    "if on true continue-on-error when allow_failure rules only except stages default_stages "
    "args shell working-directory env defaults needs strategy "
    "default_install_hook_types files exclude types types_or exclude_types always_run skip".split()
)
"""Keys that decide whether and how a step, job, hook or workflow runs, or whether its failure counts."""
_KEY: Final = re.compile(r"[\"']?([\w-]+)[\"']?\s*:(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Gate:
    """A line that has to do with the scanner. conditions: what decides whether it runs, each as one line of text."""

    path: str
    text: str
    conditions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a gate."""

    path: str
    text: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Row:
    indent: int
    """Where the text begins, behind the dash of a list item."""
    item: bool
    text: str

    @property
    def condition(self) -> bool:
        found = _KEY.match(self.text)
        return (found is not None and found[1] in CONDITIONS) or self.text.startswith("? ")  # a key by itself


def lines(base: Base, globs: Iterable[str], commands: Sequence[str]) -> list[Gate]:
    """The gates of the base."""
    matches = matcher(globs)
    held = base.read(sorted(path for path in base.paths if matches(path)))
    return [gate for path in sorted(held) for gate in _gates(path, held[path], commands)]


def changes(files: Files, base: Base, globs: Sequence[str], commands: Sequence[str]) -> Iterator[Change]:
    """Every gate that is gone, and every one that runs, or counts, on other conditions than it did."""
    before = lines(base, globs, commands)
    matches = matcher(globs)
    paths = dict.fromkeys([*(gate.path for gate in before), *(path for path in files.paths if matches(path))])
    now = [gate for path in paths for gate in _gates(path, files.read(path) or b"", commands)]
    pairs: list[tuple[Gate, Gate]] = []
    for key in _SAME:
        left = []
        for gate in before:
            same = next((each for each in now if key(each) == key(gate)), None)
            if same is None:
                left.append(gate)
            else:
                now.remove(same)
                pairs.append((gate, same))
        before = left
    for gate in before:
        yield Change(gate.path, f"a line that has to do with the scanner is gone: {gate.text}", gate.text)
    for gate, same in pairs:
        was, is_now = Counter(gate.conditions), Counter(same.conditions)
        for words, texts in (("was added", is_now - was), ("is gone", was - is_now)):
            for text in texts:
                message = f"{text} {words}, which decides whether this line runs or counts: {gate.text}"
                yield Change(same.path, message, f"{gate.text}: {text}")


_SAME: Final[tuple[Callable[[Gate], object], ...]] = (
    lambda gate: gate,
    lambda gate: (gate.path, gate.text),
    lambda gate: gate.text,
)
"""What two gates have in common that are one and the same, the surest sign first."""


def _gates(path: str, content: bytes, commands: Sequence[str]) -> Iterator[Gate]:
    rows = list(_rows(content.decode("utf-8", "replace")))
    wanted = re.compile("|".join(f"(?:{each})" for each in commands), re.IGNORECASE) if commands else None
    for number, row in enumerate(rows):
        if wanted is not None and wanted.search(row.text):
            yield Gate(path, row.text, tuple(_conditions(rows, number)))


def _rows(text: str) -> Iterator[_Row]:
    """Lines with something on them that is no comment."""
    for line in text.splitlines():
        rest = line.lstrip()
        item = rest.startswith("- ")
        while rest.startswith("- "):
            rest = rest[2:].lstrip()
        if rest and not rest.startswith("#"):
            yield _Row(len(line) - len(rest), item, rest.rstrip())


def _conditions(rows: list[_Row], number: int) -> Iterator[str]:
    """The conditions in the block of a row and in each block around that."""
    while True:
        level = rows[number].indent
        first = _edge(rows, number, level)
        end = number + 1
        while end < len(rows) and rows[end].indent >= level and not (rows[end].item and rows[end].indent == level):
            end += 1
        for each in range(first, end):
            if rows[each].indent == level and rows[each].condition:
                yield _whole(rows, each, end)
        number = next((each for each in range(first - 1, -1, -1) if rows[each].indent < level), -1)
        if number < 0:
            return


def _edge(rows: list[_Row], number: int, level: int) -> int:
    """The first row of the block that a row stands in: a list item begins one."""
    while number > 0 and not (rows[number].item and rows[number].indent == level) and rows[number - 1].indent >= level:
        number -= 1
    return number


def _whole(rows: list[_Row], number: int, end: int) -> str:
    """A key with everything below it, as one line."""
    texts = [rows[number].text]
    for row in rows[number + 1 : end]:
        if row.indent <= rows[number].indent and not row.item:
            break
        texts.append(f"- {row.text}" if row.item else row.text)
    return " ".join(texts)
