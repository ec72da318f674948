"""The path engine against exhaustive execution: no program that can leave owing may be called kept."""

from dataclasses import dataclass, field

import pytest

from governance.contracts.must_call import Options, check
from governance.extract import extract
from governance.findings import Grade
from governance.index import Index, Module
from tests.fuzz.paths.execution import leaves_owing
from tests.fuzz.paths.programs import program

OPTIONS = Options(
    ("program:owner",), ("program:update",), ("program:run",), "after", assume_safe=("outside.cond", "outside.items")
)


@dataclass
class Tally:
    """What became of a set of programs; the lists hold seeds."""

    broken: int = 0
    kept: int = 0
    unsound: list[int] = field(default_factory=list)
    false_alarms: list[int] = field(default_factory=list)


def verdict(source: str) -> Grade | None:
    """The best grade of a finding about the program; None without one."""
    report = check(Index([Module("program", "program.py", extract(source.encode()))]), OPTIONS)
    return max((violation.grade for violation in report.violations), default=None)


def tally(seeds: range) -> Tally:
    """Compare the verdict on every program with its executions."""
    result = Tally()
    for seed in seeds:
        source = program(seed)
        found = verdict(source)
        owing, complete = leaves_owing(source, harsh=False)
        owing_harshly = owing or leaves_owing(source, harsh=True)[0]
        if (owing and (found is None or found < Grade.PROBABLE)) or (owing_harshly and found is None):
            result.unsound.append(seed)
        elif not owing and complete and found is not None and found >= Grade.PROBABLE:
            result.false_alarms.append(seed)
        result.broken += owing
        result.kept += not owing and complete
    return result


def demand(result: Tally, programs: int) -> None:
    """No unsound verdict, hardly any false alarm, and programs of both kinds in good number."""
    assert result.unsound == []
    assert len(result.false_alarms) <= programs // 100, result.false_alarms
    assert result.broken >= programs // 4
    assert result.kept >= programs // 5


def test_verdicts_agree_with_every_execution() -> None:
    demand(tally(range(150)), 150)


@pytest.mark.slow
def test_verdicts_agree_with_every_execution_of_thousands_of_programs() -> None:
    demand(tally(range(1_000, 5_000)), 4_000)
