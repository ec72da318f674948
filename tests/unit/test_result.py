"""The result: which exit code it means, and that it survives the cache."""

import json
from dataclasses import replace

import pytest

from governance.findings import WHOLE_FILE, ChainStep, Finding, Grade, Place, Problem, Span
from governance.result import Exit, Outcome, ScanResult

PLACE = Place("src/a.py", Span(3, 5, 4, 9))
FINDING = Finding(
    "one", "confined-call", "call", PLACE, "f", "m", Grade.DEFINITE, True, "b", "i",
    (ChainStep("because", Place("b.py", WHOLE_FILE)), ChainStep("that", None)), "subject",
)  # fmt: skip
WARNING = replace(FINDING, grade=Grade.POSSIBLE, fails=False)
ANCHOR = replace(FINDING, check="anchor", place=Place("pyproject.toml", WHOLE_FILE))
PARSE = Problem("parse", "m", "a.py", 3, "", "h")
CRASH = Problem("crash", "m", contract="one")
CLEAN = ScanResult((), (), (Outcome("one", "confined-call", "kept", 3),), 2, 20, {"two": "because"})


@pytest.mark.requirement("R-073")
@pytest.mark.parametrize(
    ("findings", "problems", "expected"),
    [
        ((), (), Exit.KEPT),
        ((WARNING,), (), Exit.KEPT),
        ((FINDING,), (), Exit.BROKEN),
        ((), (PARSE,), Exit.INCOMPLETE),
        ((FINDING,), (PARSE,), Exit.BROKEN),
        ((WARNING,), (PARSE,), Exit.INCOMPLETE),
        ((FINDING,), (CRASH, PARSE), Exit.INTERNAL),
    ],
)
def test_exit_codes(findings: tuple[Finding, ...], problems: tuple[Problem, ...], expected: Exit) -> None:
    assert replace(CLEAN, findings=findings, problems=problems).exit is expected


@pytest.mark.parametrize(
    "result", [CLEAN, replace(CLEAN, findings=(FINDING, WARNING), problems=(PARSE, CRASH))], ids=["clean", "full"]
)
def test_it_survives_json(result: ScanResult) -> None:
    assert ScanResult.from_json(json.loads(json.dumps(result.to_json()))) == result


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ((".",), 2),
        (("src",), 2),
        (("src/a.py",), 2),
        (("src/a",), 1),
        (("sr",), 1),
        (("other",), 1),
        (("other", "src"), 2),
    ],
)
def test_paths_restrict_findings_but_anchors_stay(paths: tuple[str, ...], found: int) -> None:
    result = replace(CLEAN, findings=(ANCHOR, FINDING), problems=(PARSE,)).only(paths)
    assert len(result.findings) == found
    assert result.problems == (PARSE,)
