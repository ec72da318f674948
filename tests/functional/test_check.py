"""`governance check` as users meet it: answers, exit codes, where it looks."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.functional.conftest import BYPASS, CONFIG, Project

OK = "Execution scanner OK: 3 files, 9 lines, 1 contract kept, 1 site proven\n"


@pytest.mark.requirement("R-073")
def test_kept(project: Project) -> None:
    answer = project.check()
    assert (answer.code, answer.out, answer.err) == (0, OK, "")


@pytest.mark.requirement("R-061", "R-073")
def test_broken(project: Project) -> None:
    project.write("app/jobs.py", BYPASS)
    answer = project.check("--format", "concise")
    assert answer.code == 1
    assert answer.out.splitlines()[0] == "app/jobs.py:5:19 only-runner plugin.run() is called in retry"


def test_full_shows_code_chain_and_remedy(project: Project) -> None:
    project.write("app/jobs.py", BYPASS)
    lines = project.check().out.splitlines()
    assert lines[:4] == [
        "app/jobs.py:5:19: only-runner (call, definite)",
        "    5 |     return plugin.run({})",
        "      |                   ^^^",
        "    what: plugin.run() is called in retry",
    ]
    assert "    why:  every run must be counted" in lines
    assert "    fix:  call app.runner:Runner.run" in lines
    assert any(line.startswith("    chain: ") and line.endswith("(app/jobs.py:4:11)") for line in lines)


@pytest.mark.requirement("R-074")
@pytest.mark.parametrize("gone", ["app/runner.py", "app/base.py"])
def test_an_anchor_that_names_nothing_breaks_its_contract(project: Project, gone: str) -> None:
    (project.root / gone).unlink()
    answer = project.check("--format", "concise")
    assert answer.code == 1
    assert answer.out.startswith("governance.toml:2:1 only-runner ")


def test_an_anchor_gets_a_suggestion(project: Project) -> None:
    project.write("governance.toml", CONFIG.replace("Runner.run", "Runer.run"))
    answer = project.check()
    assert answer.code == 1
    assert "did you mean app.runner:Runner.run?" in answer.out


def test_vacuous_is_incomplete(project: Project) -> None:
    text = "class Runner:\n    def run(self) -> None: ...\n"
    project.write("app/runner.py", text)
    answer = project.check()
    assert answer.code == 3
    assert "only-runner: vacuous: examined nothing" in answer.out


@pytest.mark.requirement("R-070")
def test_nothing_of_the_project_is_imported(project: Project) -> None:
    project.write("app/__init__.py", "open('imported', 'w').close()\nraise SystemExit(7)\n")
    project.write("governance.py", "raise SystemExit(7)\n")
    answer = project.run("check", "--root", str(project.root), "--config", str(project.root / "governance.toml"),
                         cwd=project.root.parent)  # fmt: skip
    assert answer.code == 0
    assert not (project.root / "imported").exists()


class TestWhereItLooks:
    def test_from_a_folder_below(self, project: Project) -> None:
        assert project.run("check", cwd=project.root / "app").out == OK

    def test_root(self, project: Project, tmp_path: Path) -> None:
        assert project.run("check", "--root", "project", cwd=tmp_path).out == OK

    def test_config(self, project: Project, tmp_path: Path) -> None:
        assert project.run("check", "--config", "project/governance.toml", cwd=tmp_path).out == OK

    def test_config_of_another_project(self, project: Project, tmp_path: Path) -> None:
        (project.root / "governance.toml").rename(tmp_path / "strict.toml")
        assert project.run("check", "--config", "strict.toml", "--root", "project", cwd=tmp_path).out == OK

    def test_pyproject(self, project: Project) -> None:
        (project.root / "governance.toml").unlink()
        project.write("pyproject.toml", CONFIG.replace("[contracts", "[tool.governance.contracts"))
        assert project.check().out == OK

    def test_outside_of_git_and_inside(self, project: Project) -> None:
        project.git("init", "-q")
        project.git("add", ".")
        assert project.check().out == OK


class TestPaths:
    @pytest.fixture(autouse=True)
    def two_bypasses(self, project: Project) -> None:
        project.write("app/jobs.py", BYPASS)
        project.write("other/jobs.py", BYPASS)

    @pytest.mark.parametrize(
        ("arguments", "code", "found"),
        [
            ([], 1, ["app/jobs.py", "other/jobs.py"]),
            (["."], 1, ["app/jobs.py", "other/jobs.py"]),
            (["other"], 1, ["other/jobs.py"]),
            (["./app/../app/jobs.py"], 1, ["app/jobs.py"]),
            (["app/base.py"], 0, []),
            (["app/base.py", "other/"], 1, ["other/jobs.py"]),
        ],
    )
    def test_they_restrict_what_is_reported(
        self, project: Project, arguments: list[str], code: int, found: list[str]
    ) -> None:
        answer = project.check("--format", "json", *arguments)
        assert answer.code == code
        assert [finding["path"] for finding in answer.json()["findings"]] == found

    def test_they_are_relative_to_the_current_folder(self, project: Project) -> None:
        answer = project.run("check", "--format", "json", "jobs.py", cwd=project.root / "app")
        assert [finding["path"] for finding in answer.json()["findings"]] == ["app/jobs.py"]

    def test_the_analysis_is_that_of_the_whole_project(self, project: Project) -> None:
        project.write("app/jobs.py", "def retry(plugin):\n    return plugin.run({})\n")
        project.write("other/jobs.py", "from app.base import Plugin\nfrom app.jobs import retry\nretry(Plugin())\n")
        answer = project.check("--format", "json", "app/jobs.py")
        assert [finding["grade"] for finding in answer.json()["findings"]] == ["definite"]


USAGE = [
    ("no command", [], "the following arguments are required: COMMAND"),
    ("unknown command", ["chek"], "invalid choice: 'chek'"),
    ("unknown option", ["check", "--fast"], "unrecognized arguments: --fast"),
    ("unknown format", ["check", "--format", "xml"], "invalid choice: 'xml'"),
    ("missing path", ["check", "nowhere.py"], "nowhere.py does not exist"),
    ("path outside", ["check", "/"], "/ lies outside of the project"),
    ("missing configuration", ["check", "--config", "no.toml"], "no.toml: cannot be read: No such file or directory"),
    ("configuration is a folder", ["check", "--config", "app"], "app: cannot be read: Is a directory"),
    ("missing root", ["check", "--config", "governance.toml", "--root", "no"], "no is not a folder"),
    ("output cannot be written", ["check", "--output", "no/report"], "--output no/report cannot be written"),
    ("place without line", ["explain", "app/base.py"], '"app/base.py" is not FILE:LINE'),
    ("place with line 0", ["explain", "app/base.py:0"], '"app/base.py:0" is not FILE:LINE'),
    ("place in a missing file", ["explain", "app/no.py:1"], "app/no.py does not exist"),
    ("place in another file", ["explain", "governance.toml:1"], "governance.toml is not among the files"),
]


@pytest.mark.parametrize(("arguments", "text"), [row[1:] for row in USAGE], ids=[row[0] for row in USAGE])
def test_wrong_usage(project: Project, arguments: list[str], text: str) -> None:
    answer = project.run(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert text in answer.err


def test_wrong_configuration_is_told_at_once(project: Project) -> None:
    project.write("governance.toml", 'exclud = []\n[contracts.one]\ntype = "confined-cal"\n')
    answer = project.check()
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines() == [
        "governance: governance.toml: contracts.one.because: missing: a string is required",
        (
            'governance: governance.toml: contracts.one.type: no contract type is named "confined-cal"; '
            'did you mean "confined-call"?'
        ),
        'governance: governance.toml: exclud: unknown key; did you mean "exclude"?',
    ]


def test_no_configuration(project: Project, tmp_path: Path) -> None:
    (project.root / "governance.toml").unlink()
    project.git("init", "-q")
    answer = project.check()
    assert answer.code == 2
    assert "nothing says what to check" in answer.err


def test_version_and_help(project: Project) -> None:
    assert project.run("--version").out == "governance 0.1.0\n"
    assert "exit codes:" in project.run("--help").out


def test_output_goes_to_a_file(project: Project) -> None:
    project.write("app/jobs.py", BYPASS)
    answer = project.check("--format", "json", "--output", "report.json")
    assert answer.code == 1
    assert answer.out.startswith("Execution scanner FAILED")
    assert '"only-runner"' in (project.root / "report.json").read_text(encoding="utf-8")


def test_a_reader_that_leaves_early(project: Project) -> None:
    process = project.start("check", "--format", "json")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    code = process.wait(timeout=60)
    assert process.stderr.read() == b""
    process.stderr.close()
    assert code == 3


def test_contracts(project: Project) -> None:
    answer = project.run("contracts")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "only-runner (confined-call, fails on probable findings)",
        "    why: every run must be counted",
        "    fix: call app.runner:Runner.run",
    ]


def test_bindings(project: Project) -> None:
    answer = project.run("contracts", "--bindings")
    assert answer.code == 0
    assert "    confined: app.base:Plugin.run (app/base.py:2:9)" in answer.out.splitlines()
    assert "    sites examined: 1" in answer.out.splitlines()


def test_bindings_of_an_anchor_that_names_nothing(project: Project) -> None:
    project.write("governance.toml", CONFIG.replace("Runner.run", "Runer.run"))
    answer = project.run("contracts", "--bindings")
    assert answer.code == 1
    assert '    broken: allowed = "app.runner:Runer.run"' in answer.out


def test_explain(project: Project) -> None:
    answer = project.run("explain", "app/runner.py:6")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert "app/runner.py:6:23: attr plugin.run" in lines
    assert "        an instance of Plugin (definite)" in lines
    assert "    gives an instance of dict (definite)" in lines


EXPLAINED = {
    "app/runner.py:2": ["app/runner.py:2: nothing on this line is called, loaded or declared"],
    "app/runner.py:5": ["app/runner.py:5:19: parameter plugin", "        an instance of Plugin (definite)"],
    "app/case.py:1": [
        "app/case.py:1:7: parameter x",
        "    value: not known: parameter x of f has no annotation and no call gives it a known value",
    ],
    "app/case.py:2": ["app/case.py:2:12: name x"],
    "app/case.py:3": ["app/case.py:3:1: call f()", "    gives something that is not known"],
}


def test_explain_tells_names_parameters_and_what_is_not_known(project: Project) -> None:
    project.write("app/case.py", "def f(x):\n    return x\nf()\n")
    for place, wanted in EXPLAINED.items():
        answer = project.run("explain", place)
        assert answer.code == 0
        assert [line for line in wanted if line not in answer.out.splitlines()] == []


def test_explain_of_a_file_that_cannot_be_read(project: Project) -> None:
    project.write("app/broken.py", "def f(:\n")
    answer = project.run("explain", "app/broken.py:1")
    assert answer.code == 3
    assert answer.out.startswith("app/broken.py:1: parse: ")


def test_suppression(project: Project) -> None:
    project.write("app/jobs.py", BYPASS.rstrip("\n") + "  # governance: except[only-runner] warm-up\n")
    answer = project.check()
    assert answer.code == 0
    assert answer.out.endswith(", 1 suppressed\n")


def test_exempt_tests(project: Project) -> None:
    project.write("tests/test_jobs.py", BYPASS)
    assert project.check().code == 1
    project.write("governance.toml", CONFIG + 'tests = "exempt"\n')
    answer = project.check()
    assert answer.code == 0
    assert answer.out.endswith(", 1 exempt\n")


def test_the_failing_grade_is_configured(project: Project) -> None:
    project.write("app/jobs.py", "def retry(plugin):\n    return plugin.run({})\n")
    answer = project.check("--format", "json")
    (finding,) = answer.json()["findings"]
    assert (answer.code, finding["fails"]) == (0, False)
    project.write("governance.toml", CONFIG + f'fail-on = "{finding["grade"]}"\n')
    assert project.check().code == 1


@pytest.mark.requirement("R-070")
def test_a_module_of_the_project_never_takes_the_place_of_a_library(project: Project) -> None:
    for name in ("argparse", "json", "tokenize", "libcst", "dataclasses", "hashlib", "subprocess", "queue", "gc"):
        project.write(f"{name}.py", "open('imported', 'a').close()\nraise SystemExit(0)\n")
    project.write("app/jobs.py", BYPASS)
    assert project.check().code == 1
    assert not (project.root / "imported").exists()


def test_what_a_configuration_says_cannot_act_on_the_terminal(project: Project) -> None:
    project.write("governance.toml", CONFIG.replace('"confined-call"', '"\\u001B[2J\\u0085"'))
    answer = project.check()
    assert answer.code == 2
    assert "\\x1b[2J\\x85" in answer.err
    assert "\x1b" not in answer.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(
    ("where", "said"),
    [
        (">/dev/full", "governance: the output cannot be written: No space left on device\n"),
        (">&-", "governance: the output cannot be written: standard output is closed\n"),
        (">/dev/full 2>&1", ""),
    ],
)
def test_output_that_cannot_be_written_is_incomplete(project: Project, where: str, said: str) -> None:
    command = f'exec "{sys.executable}" -m governance check {where}'
    done = subprocess.run(["sh", "-c", command], cwd=project.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, said)
