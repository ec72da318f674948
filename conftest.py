"""What every test run does, the scanner's and the server's: it ties tests to the rows of docs/requirements.md.

A test says which rows it checks with `@pytest.mark.requirement("R-001", …)`. A test that names a row the document does
not list fails. With `--requirement-report FILE` the run writes what became of each row, which `dev.py audit` reads.
"""

import gc
import json
import os
import re
import signal
from collections import defaultdict
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says something about the machine, not about the code. A gate draws the same examples for the
# same code, so that what it says of a change is about the change; everybody else goes on looking for new ones.
hypothesis.settings.register_profile(
    "untimed",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("untimed")

ROWS = frozenset(
    re.findall(r"^\| (R-\d{3}) \|", (Path(__file__).parent / "docs/requirements.md").read_text("utf-8"), re.MULTILINE)
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirement-report", metavar="FILE", help="write the outcome of each requirement row as JSON")


def pytest_configure(config: pytest.Config) -> None:
    # Tests say which modes files are made with, and a careful shell would take some of them away.
    os.umask(0o022)
    # A shell starts what it runs in the background with interrupts ignored, and every child would inherit that: the
    # tests that interrupt one would wait in vain.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # With xdist the workers send their outcomes to the one process that is no worker, and only that one writes.
    target = config.getoption("--requirement-report")
    if target and not hasattr(config, "workerinput"):
        config.pluginmanager.register(OutcomesOfRows(Path(target)))


def pytest_collection_finish() -> None:
    # What was loaded and collected stays until the end: not to be looked through again and again.
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        item.user_properties.extend(("requirement", row) for row in rows_of(item))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if unknown := [row for row in rows_of(item) if row not in ROWS]:
        pytest.fail(f"docs/requirements.md has no row {', '.join(unknown)}", pytrace=False)


def rows_of(item: pytest.Item) -> list[str]:
    """The rows that a test says it checks, those of its class and module included."""
    return sorted({str(row) for mark in item.iter_markers("requirement") for row in mark.args})


class OutcomesOfRows:
    """Row -> test -> worst outcome of its set-up, call and tear-down.

    It is written only of a run that found all of its tests, for a part of them proves nothing about the whole.
    """

    def __init__(self, target: Path) -> None:
        self.target = target
        self.outcomes: dict[str, dict[str, str]] = defaultdict(dict)
        self.complete = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.complete &= not report.failed

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.passed and report.when != "call":
            return
        for name, row in report.user_properties:
            if name == "requirement" and self.outcomes[str(row)].get(report.nodeid) != "failed":
                self.outcomes[str(row)][report.nodeid] = report.outcome

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if not self.complete or exitstatus not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
            return
        self.target.parent.mkdir(parents=True, exist_ok=True)
        self.target.write_text(json.dumps(self.outcomes, indent=1, sort_keys=True), encoding="utf-8")
