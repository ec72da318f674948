"""Which requirement rows have a passing check: always from a run of the tests, never from a tick in a file."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devtasks.environment import ROOT
from devtasks.failure import TaskFailure
from devtasks.tasks import python, spread

DOCUMENT = ROOT / "docs" / "requirements.md"
REPORT = ROOT / "build" / "requirements.json"
ROW = re.compile(r"^\| (R-\d{3}) \| (.+?) \|$", re.MULTILINE)
ORDER = ("failing", "passing", "skipped", "no check")


@dataclass(frozen=True)
class Row:
    id: str
    text: str
    state: str  # one of ORDER
    checks: tuple[str, ...]  # the tests that decide the state


def audit(arguments: Sequence[str]) -> int:
    """Run the tests, slow ones too, and print a line per row; 1 when a test fails, whatever row it belongs to.

    More words go to pytest, so an audit of a part of the tests is possible and says so by its rows.
    """
    REPORT.unlink(missing_ok=True)
    words = ("-q", "-m", "", f"--requirement-report={REPORT}", *arguments)
    exit_code = python("-m", "pytest", *spread(arguments), *words)
    try:
        outcomes = json.loads(REPORT.read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = "not every test could be run, so no row is judged; what pytest said stands above"
        raise TaskFailure(message, exit_code=1) from None
    rows = audited(DOCUMENT.read_text(encoding="utf-8"), outcomes)
    print()
    print("\n".join(_line(row) for row in rows))
    counts = (f"{sum(row.state == state for row in rows)} {state}" for state in ORDER)
    print(f"\n{len(rows)} requirement rows: {', '.join(counts)}")
    return exit_code


def audited(document: str, outcomes: Mapping[str, Mapping[str, str]]) -> list[Row]:
    """Each row of the document with what the run says of it; one failed check makes a row failing."""
    return [_row(id_, text, outcomes.get(id_, {})) for id_, text in ROW.findall(document)]


def _row(id_: str, text: str, outcomes: Mapping[str, str]) -> Row:
    for state, outcome in (("failing", "failed"), ("passing", "passed"), ("skipped", "skipped")):
        checks = tuple(test for test, found in outcomes.items() if found == outcome)
        if checks:
            return Row(id_, text, state, checks)
    return Row(id_, text, "no check", ())


def _line(row: Row) -> str:
    head = f"{row.id}  {row.state:<8}  "
    if row.state == "passing":
        return f"{head}{_counted(row.checks)}: {row.text}"
    return head + "".join([row.text, *(f"\n{'':17}{check}" for check in row.checks)])


def _counted(checks: Sequence[str]) -> str:
    files = {Path(check.partition("::")[0]).as_posix() for check in checks}
    return f"{len(checks)} in {', '.join(sorted(files))}"
