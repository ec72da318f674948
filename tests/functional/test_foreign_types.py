"""A contract type of another distribution, met through the command line: it is used, and it may fail."""

import pytest

from tests.functional.conftest import BYPASS, CONFIG, Answer, Project

TYPE = """
from dataclasses import dataclass

from governance.contract import Report, Violation
from governance.findings import Grade

NAME = "house-rule"


@dataclass(frozen=True)
class Options:
    word: str


def check(index, options):
    return Report([Violation("word", options.word, Grade.DEFINITE, path="app/base.py")], sites=1)
"""
CONTRACT = """
[contracts.house]
type = "house-rule"
because = "the house says so"
word = "found"
"""


class Foreign:
    """A project beside an installed distribution that adds the type `house-rule`."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.folder = project.root.parent / "installed"
        info = self.folder / "house-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text("[governance.contracts]\nhouse-rule = house_rule\n", encoding="utf-8")
        self.module(TYPE)
        project.write("governance.toml", CONFIG + CONTRACT)
        project.write("app/jobs.py", BYPASS)

    def module(self, text: str) -> None:
        """What the distribution holds."""
        (self.folder / "house_rule.py").write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Answer:
        """The command line of an interpreter that has the distribution."""
        return self.project.run(*arguments, PYTHONPATH=str(self.folder))


@pytest.fixture
def foreign(project: Project) -> Foreign:
    return Foreign(project)


def test_its_findings_are_reported(foreign: Foreign) -> None:
    answer = foreign.run("check", "--format", "concise")
    assert answer.code == 1
    assert "app/base.py:0:0 house found" in answer.out
    assert "app/jobs.py:5:19 only-runner" in answer.out


CRASHES = {
    "an exception": ('    raise KeyError("shelf")', "failed: KeyError: 'shelf' (house_rule.py:"),
    "an answer of another kind": ("    return None", "failed: AttributeError: 'NoneType' object has no"),
    "a place that is none": (
        '    return Report([Violation("word", "x", Grade.DEFINITE, ref=("nowhere", 1))], sites=1)',
        "failed: KeyError: 'nowhere'",
    ),
    "endless recursion": ("    return check(index, options)", "failed: RecursionError: maximum recursion depth"),
}


@pytest.mark.parametrize("name", CRASHES)
def test_one_that_fails_is_named_and_the_others_still_report(foreign: Foreign, name: str) -> None:
    body, said = CRASHES[name]
    foreign.module(TYPE[: TYPE.index("    return Report")] + body + "\n")
    answer = foreign.run("check", "--format", "json")
    report = answer.json()
    assert (answer.code, answer.err, report["exit"]) == (4, "", 4)
    (problem,) = report["problems"]
    assert (problem["kind"], problem["contract"]) == ("crash", "house")
    assert problem["message"].startswith(said)
    assert {each["id"]: each["state"] for each in report["contracts"]} == {"house": "crashed", "only-runner": "broken"}
    assert [each["path"] for each in report["findings"]] == ["app/jobs.py"]


def test_a_crash_is_not_remembered(foreign: Foreign) -> None:
    foreign.module(TYPE.replace("    return Report", "    raise KeyError\n    return Report"))
    assert foreign.run("check").code == 4
    foreign.module(TYPE)
    assert foreign.run("check").code == 1


def test_blind_spots_say_so_as_well(foreign: Foreign) -> None:
    foreign.module(TYPE.replace("    return Report", "    raise KeyError\n    return Report"))
    answer = foreign.run("blind-spots")
    assert answer.code == 4
    assert "problem: house: crash: failed: KeyError" in answer.out


def test_one_that_cannot_be_loaded_is_a_mistake_of_the_configuration(foreign: Foreign) -> None:
    foreign.module("1 / 0\n")
    answer = foreign.run("check")
    assert (answer.code, answer.out) == (2, "")
    assert 'contract type "house-rule" of house cannot be loaded: ZeroDivisionError' in answer.err
