"""Requirement rows and their checks: the document is complete, tests name its rows, the audit tells the truth."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtasks.audit import DOCUMENT, ROW, Row, audited
from tests.meta.shell import CHECKOUT, Shell

ROWS = ROW.findall(DOCUMENT.read_text(encoding="utf-8"))
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-p", "no:cacheprovider", "--rootdir=."]


@pytest.mark.requirement("R-106")
def test_the_document_lists_every_row_once_and_in_order() -> None:
    assert [id_ for id_, _ in ROWS] == [f"R-{number:03}" for number in range(1, 222)]


@pytest.mark.requirement("R-106")
def test_every_row_is_a_sentence_of_its_own() -> None:
    texts = [text for _, text in ROWS]
    assert len(set(texts)) == len(texts)
    assert not [text for text in texts if not text.endswith(".") or len(text) < 25]


@pytest.mark.requirement("R-106")
def test_no_row_is_ticked_by_hand() -> None:
    assert not re.findall(r"\[[ xX]\]|✅|✓|✔|\bdone\b", DOCUMENT.read_text(encoding="utf-8"))


def marked_rows() -> Iterator[tuple[str, str]]:
    """The place and the row of each requirement mark in the tests."""
    for folder in ("tests", "server/tests"):
        for file in sorted((CHECKOUT / folder).rglob("*.py")):
            text = file.read_text(encoding="utf-8")
            # Code that is scanned by tests may be of a newer Python than this one; it carries no marks.
            for node in ast.walk(ast.parse(text)) if "mark.requirement" in text else ():
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.requirement":
                    yield from ((f"{file}:{node.lineno}", ast.literal_eval(argument)) for argument in node.args)


@pytest.mark.requirement("R-106")
def test_tests_name_only_rows_of_the_document() -> None:
    known = {id_ for id_, _ in ROWS}
    marks = list(marked_rows())
    assert marks
    assert [(place, row) for place, row in marks if row not in known] == []


@pytest.mark.requirement("R-106")
@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        pytest.param({}, Row("R-001", "First.", "no check", ()), id="nothing ran"),
        pytest.param({"R-001": {"a": "passed"}}, Row("R-001", "First.", "passing", ("a",)), id="one passed"),
        pytest.param({"R-001": {"a": "skipped"}}, Row("R-001", "First.", "skipped", ("a",)), id="only skipped"),
        pytest.param(
            {"R-001": {"a": "passed", "b": "failed", "c": "skipped"}},
            Row("R-001", "First.", "failing", ("b",)),
            id="one failure outweighs the rest",
        ),
        pytest.param({"R-002": {"a": "passed"}}, Row("R-001", "First.", "no check", ()), id="another row ran"),
    ],
)
def test_a_row_is_what_its_checks_say(outcomes: dict[str, dict[str, str]], expected: Row) -> None:
    assert audited("| id | what |\n|---|---|\n| R-001 | First. |\n", outcomes) == [expected]


@pytest.fixture
def project(tmp_path: Path) -> Shell:
    """A project with our way of reporting rows, and tests of every outcome."""
    for name in ("conftest.py", "docs/requirements.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((CHECKOUT / name).read_bytes())
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    requirement: rows\n", encoding="utf-8")
    # Only what these tests need is loaded; the rest takes longer than they do.
    return Shell(tmp_path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


OUTCOMES = """
import pytest
row = pytest.mark.requirement

@pytest.fixture
def breaks_before(): assert False
@pytest.fixture
def breaks_after():
    yield
    assert False

@row("R-001", "R-002")
def test_passes(): pass
@row("R-002")
def test_fails(): assert False
@row("R-003")
def test_skips(): pytest.skip("no")
@row("R-004")
def test_before(breaks_before): pass
@row("R-005")
def test_after(breaks_after): pass
@row("R-006")
class TestMarkedClass:
    def test_inside(self): pass
def test_without_a_row(): pass
"""


@pytest.mark.requirement("R-106")
@pytest.mark.parametrize("spread", [[], ["-n", "2"]], ids=["one process", "two workers"])
def test_a_run_reports_what_became_of_each_row(project: Shell, spread: list[str]) -> None:
    (project.folder / "test_it.py").write_text(OUTCOMES, encoding="utf-8")
    done = project.run([*PYTEST, *spread, "--requirement-report=out/rows.json"])
    assert done.returncode == 1, done.stdout
    report = ast.literal_eval((project.folder / "out/rows.json").read_text(encoding="utf-8"))
    assert report == {
        "R-001": {"test_it.py::test_passes": "passed"},
        "R-002": {"test_it.py::test_passes": "passed", "test_it.py::test_fails": "failed"},
        "R-003": {"test_it.py::test_skips": "skipped"},
        "R-004": {"test_it.py::test_before": "failed"},
        "R-005": {"test_it.py::test_after": "failed"},
        "R-006": {"test_it.py::TestMarkedClass::test_inside": "passed"},
    }


@pytest.mark.requirement("R-106")
def test_a_mark_with_an_unknown_row_fails_its_test(project: Shell) -> None:
    text = 'import pytest\n@pytest.mark.requirement("R-901")\ndef test_it(): pass\n'
    (project.folder / "test_it.py").write_text(text, encoding="utf-8")
    done = project.run(PYTEST)
    assert done.returncode == 1
    assert "docs/requirements.md has no row R-901" in done.stdout


@pytest.mark.requirement("R-106")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("import nothing_of_this_name\n", [], id="a module that cannot be imported"),
        pytest.param("import nothing_of_this_name\n", ["-n", "2"], id="the same with workers"),
        pytest.param("def test_it(): pass\n", ["-k", "nothing"], id="no test chosen"),
        pytest.param("def test_it(): raise KeyboardInterrupt\n", [], id="interrupted"),
        pytest.param(
            "import os, pytest\n@pytest.mark.parametrize('n', [os.getpid()])\ndef test_it(n): pass\n",
            ["-n", "2"],
            id="workers that disagree",
        ),
    ],
)
def test_a_run_that_is_not_whole_reports_nothing(project: Shell, text: str, words: list[str]) -> None:
    (project.folder / "test_sound.py").write_text("def test_sound(): pass\n", encoding="utf-8")
    (project.folder / "test_it.py").write_text(text, encoding="utf-8")
    done = project.run([*PYTEST, *words, "--requirement-report=rows.json"])
    assert done.returncode != 0
    assert not (project.folder / "rows.json").exists()
