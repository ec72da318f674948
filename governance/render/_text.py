"""What the formats share: the summary line, problems, text that is safe to show on a terminal, the frame of JSON."""

from __future__ import annotations

import json
from typing import Any, Final

from governance import __version__
from governance.findings import ChainStep, Place, Problem
from governance.result import Exit, ScanResult

SCHEMA: Final = 1


def document(code: Exit, content: dict[str, Any]) -> str:
    """One JSON object with the exit code of the run; the shapes are described in docs/reference/output.md."""
    frame = {"schema": SCHEMA, "tool": f"governance {__version__}", "exit": int(code)}
    return json.dumps({**frame, **content}, indent=2) + "\n"


def printable(text: str) -> str:
    """The text with everything that a terminal would act on, or could not show, written as an escape."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def count(number: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def where(place: Place) -> str:
    """`path:line:column`, or the path alone for a whole file."""
    span = place.span
    return f"{place.path}:{span.line}:{span.column}" if span.line else place.path


def chain_line(step: ChainStep) -> str:
    """One step of a chain with its place."""
    return f"{step.text} ({where(step.place)})" if step.place else step.text


def problem_line(problem: Problem) -> str:
    """One line: where, what kind, what, what to do."""
    where = problem.path + (f":{problem.line}" if problem.line else "") if problem.path else problem.contract
    hint = f" ({problem.hint})" if problem.hint else ""
    return printable(f"{where or 'project'}: {problem.kind}: {problem.message}{hint}")


def skipped_lines(result: ScanResult) -> list[str]:
    """One line for each contract that was not asked."""
    return [printable(f"skipped: {each.id}: {each.note}") for each in result.outcomes if each.state == "skipped"]


def summary(result: ScanResult) -> str:
    """The last line: the verdict and what it rests on."""
    kept = sum(outcome.state == "kept" for outcome in result.outcomes)
    failing = sum(finding.fails for finding in result.findings)
    words = {
        Exit.KEPT: "OK",
        Exit.BROKEN: "FAILED",
        Exit.INCOMPLETE: "INCOMPLETE",
        Exit.INTERNAL: "CRASHED",
    }
    read = f"{result.files - result.left_out} of " if result.left_out else ""
    parts = [f"{read}{count(result.files, 'file')}", f"{count(result.lines, 'line')}"]
    if failing:
        broken = len({finding.contract for finding in result.findings if finding.fails})
        parts.append(f"{count(failing, 'finding')} of {count(broken, 'contract')}")
    parts.append(f"{count(kept, 'contract')} kept")
    parts.append(f"{count(sum(outcome.sites for outcome in result.outcomes), 'site')} examined")
    if result.exit is Exit.KEPT:
        parts[-1] = f"{count(sum(outcome.sites for outcome in result.outcomes), 'site')} proven"
    uncertain = len(result.findings) - failing
    extras = {
        "below the failing grade": uncertain,
        "suppressed": sum(outcome.suppressed for outcome in result.outcomes),
        "exempt": sum(outcome.exempt for outcome in result.outcomes),
        "switched off": len(result.disabled),
        "skipped": sum(outcome.state == "skipped" for outcome in result.outcomes),
    }
    parts += [f"{number} {what}" for what, number in extras.items() if number]
    if result.problems:
        parts.append(count(len(result.problems), "problem"))
    return f"Execution scanner {words[result.exit]}: " + ", ".join(parts)
