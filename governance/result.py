"""The result of a scan: plain data, what every output format renders and what the cache keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from enum import IntEnum
from typing import Any

from governance.findings import GUARD, ChainStep, Finding, Grade, Place, Problem, Span


class Exit(IntEnum):
    """What the process answers. Never KEPT because something was not looked at."""

    KEPT = 0
    BROKEN = 1
    USAGE = 2
    INCOMPLETE = 3
    INTERNAL = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """One contract after its evaluation. sites: places examined; unresolved: findings nobody could decide;
    suppressed and exempt: findings that a comment, or the contract's own exceptions, took away."""

    id: str
    type: str
    state: str
    """kept, broken, vacuous, skipped or crashed."""
    sites: int = 0
    findings: int = 0
    unresolved: int = 0
    suppressed: int = 0
    exempt: int = 0
    note: str = ""
    """Why it was skipped."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Everything a scan found out. `findings` are in output order; `disabled` maps contracts to why they are off."""

    findings: tuple[Finding, ...]
    problems: tuple[Problem, ...]
    outcomes: tuple[Outcome, ...]
    files: int
    lines: int
    disabled: dict[str, str]
    left_out: int = 0
    """How many of the files were not read, because they share no code with what the contracts name."""

    @property
    def exit(self) -> Exit:
        """The most severe answer that applies: an internal error, then a broken contract, then an incomplete scan."""
        if any(problem.kind == "crash" for problem in self.problems):
            return Exit.INTERNAL
        if any(finding.fails for finding in self.findings):
            return Exit.BROKEN
        return Exit.INCOMPLETE if self.problems else Exit.KEPT

    def only(self, paths: tuple[str, ...]) -> ScanResult:
        """The same scan with only the findings in these files or folders; problems concern every answer and stay.

        Findings about the configuration stay as well: an anchor that names nothing, or a weakening, is nobody's file.
        """
        kept = [each for each in self.findings if _about_us(each) or _below(each.place.path, paths)]
        return replace(self, findings=tuple(kept))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_json` restores it."""
        return {
            "findings": [_finding_to_json(finding) for finding in self.findings],
            "problems": [asdict(problem) for problem in self.problems],
            "contracts": [asdict(outcome) for outcome in self.outcomes],
            "files": self.files,
            "lines": self.lines,
            "disabled": self.disabled,
            "left_out": self.left_out,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> ScanResult:
        """Rebuild a result; raises KeyError, TypeError or ValueError when the data is not what `to_json` wrote."""
        return ScanResult(
            tuple(_finding_from_json(finding) for finding in data["findings"]),
            tuple(Problem(**problem) for problem in data["problems"]),
            tuple(Outcome(**outcome) for outcome in data["contracts"]),
            data["files"],
            data["lines"],
            data["disabled"],
            data["left_out"],
        )


def _about_us(finding: Finding) -> bool:
    return finding.check == "anchor" or finding.type == GUARD


def _below(path: str, paths: tuple[str, ...]) -> bool:
    return any(each in (".", path) or path.startswith(f"{each}/") for each in paths)


def place_to_json(place: Place) -> dict[str, Any]:
    """A place as reports show it."""
    span = place.span
    return {
        "path": place.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _place_from_json(data: dict[str, Any]) -> Place:
    return Place(data["path"], Span(data["line"], data["column"], data["end_line"], data["end_column"]))


def _finding_to_json(finding: Finding) -> dict[str, Any]:
    return {
        "contract": finding.contract,
        "type": finding.type,
        "check": finding.check,
        **place_to_json(finding.place),
        "symbol": finding.symbol,
        "message": finding.message,
        "grade": finding.grade.label,
        "fails": finding.fails,
        "because": finding.because,
        "instead": finding.instead,
        "chain": [
            {"text": step.text, "place": place_to_json(step.place) if step.place else None} for step in finding.chain
        ],
        "subject": finding.subject,
        "fingerprint": finding.fingerprint,
    }


def _finding_from_json(data: dict[str, Any]) -> Finding:
    chain = tuple(
        ChainStep(step["text"], _place_from_json(step["place"]) if step["place"] else None) for step in data["chain"]
    )
    return Finding(
        data["contract"],
        data["type"],
        data["check"],
        _place_from_json(data),
        data["symbol"],
        data["message"],
        Grade[data["grade"].upper()],
        data["fails"],
        data["because"],
        data["instead"],
        chain,
        data["subject"],
    )
