"""One line per finding: `path:line:column contract message`."""

from __future__ import annotations

from governance.render import View
from governance.render._text import printable, problem_line, skipped_lines, summary
from governance.result import ScanResult


def render(result: ScanResult, _view: View) -> str:
    """Findings, problems, summary."""
    lines = []
    for finding in result.findings:
        span = finding.place.span
        grade = "" if finding.fails else f" [{finding.grade.label}]"
        where = f"{finding.place.path}:{span.line}:{span.column}"
        lines.append(printable(f"{where} {finding.contract} {finding.message}{grade}"))
    lines += [problem_line(problem) for problem in result.problems]
    return "\n".join([*lines, *skipped_lines(result), summary(result)]) + "\n"
