"""GitHub workflow commands: every finding becomes an annotation on its line."""

from __future__ import annotations

from governance.render import View
from governance.render._text import chain_line, summary
from governance.result import ScanResult


def render(result: ScanResult, _view: View) -> str:
    """One command per finding and problem, those that fail first: GitHub shows the first ten of a step only."""
    lines = []
    for finding in sorted(result.findings, key=lambda finding: not finding.fails):
        span = finding.place.span
        place = {"file": finding.place.path}
        if span.line:
            place |= {"line": str(span.line), "endLine": str(span.end_line), "col": str(span.column)}
        if span.line and span.line == span.end_line:
            place["endColumn"] = str(span.end_column)
        text = [finding.message, *map(chain_line, finding.chain), finding.because, finding.instead]
        message = "\n".join(part for part in text if part)
        lines.append(_command("error" if finding.fails else "warning", finding.contract, place, message))
    for problem in result.problems:
        place = {"file": problem.path} | ({"line": str(problem.line)} if problem.line else {}) if problem.path else {}
        message = "\n".join(part for part in (problem.message, problem.hint) if part)
        lines.append(_command("error", problem.contract or problem.kind, place, message))
    lines += [_command("notice", each.id, {}, each.note) for each in result.outcomes if each.state == "skipped"]
    return "\n".join([*lines, summary(result)]) + "\n"


def _command(level: str, title: str, place: dict[str, str], message: str) -> str:
    properties = ",".join(f"{key}={_property(value)}" for key, value in {"title": title, **place}.items())
    return f"::{level} {properties}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
