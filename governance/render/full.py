"""For people: each finding with its code, the chain that proves it, why it matters and the way out."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from governance.findings import Finding, Place
from governance.render import View
from governance.render._text import chain_line, printable, problem_line, skipped_lines, summary, where
from governance.result import Exit, ScanResult

MARKED_LINES: Final = 4
"""A finding that spans more lines than this shows its first and its last."""
_RED, _YELLOW, _GREEN, _BOLD = "31", "33", "32", "1"

Paint: TypeAlias = Callable[[str, str], str]


def render(result: ScanResult, view: View) -> str:
    """Findings, problems, what is switched off, summary."""
    paint = _painted if view.colour else _plain
    blocks = ["\n".join(_finding(finding, view, paint)) + "\n" for finding in result.findings]
    problems = [f"{paint('problem', _RED)}: {problem_line(problem)}" for problem in result.problems]
    switched = [f"switched off: {name}: {printable(because)}" for name, because in result.disabled.items()]
    if lines := [*problems, *switched, *skipped_lines(result)]:
        blocks.append("\n".join(lines) + "\n")
    verdict = paint(summary(result), _GREEN if result.exit is Exit.KEPT else _RED)
    return "\n".join([*blocks, verdict]) + "\n"


def _finding(finding: Finding, view: View, paint: Paint) -> Iterator[str]:
    colour = _RED if finding.fails else _YELLOW
    kind = f"({finding.check}, {finding.grade.label})"
    yield f"{paint(printable(where(finding.place)), _BOLD)}: {paint(finding.contract, colour)} {kind}"
    yield from _frame(finding.place, view.lines(finding.place.path), lambda text: paint(text, colour))
    yield f"    what: {printable(finding.message)}"
    for number, step in enumerate(finding.chain):
        yield f"    {'chain: ' if number == 0 else '       '}{printable(chain_line(step))}"
    if finding.because:
        yield f"    why:  {printable(finding.because)}"
    if finding.instead:
        yield f"    fix:  {printable(finding.instead)}"


def _frame(place: Place, lines: list[str], paint: Callable[[str], str]) -> Iterator[str]:
    span = place.span
    if not 0 < span.line <= span.end_line <= len(lines):
        return
    rows = list(range(span.line, span.end_line + 1))
    gap = len(rows) > MARKED_LINES
    width = len(str(span.end_line))
    for row in [rows[0], rows[-1]] if gap else rows:
        if gap and row == rows[-1]:
            yield f"    {'.' * width} |"
        text = lines[row - 1]
        start = span.column - 1 if row == span.line else len(text) - len(text.lstrip())
        end = span.end_column - 1 if row == span.end_line else len(text.rstrip())
        yield f"    {row:>{width}} | {_shown(text.rstrip())}"
        if text.strip():
            marks = " " * _width(text[:start]) + paint("^" * max(1, _width(text[start:end])))
            yield f"    {'':{width}} | {marks}"


def _shown(text: str) -> str:
    return "".join(_cell(char) for char in text)


def _cell(char: str) -> str:
    if char == "\t":
        return "    "
    return char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    combining = sum(bool(unicodedata.combining(char)) for char in text)
    return len(_shown(text)) + wide - combining


def _plain(text: str, _code: str) -> str:
    return text


def _painted(text: str, code: str) -> str:
    return f"\x1b[{code}m{text}\x1b[0m"
