"""`governance blind-spots`: what nobody could decide, counted and listed."""

import pytest

from tests.functional.conftest import Project

CLEAN = "only-runner: 0 undecided\ndynamic: 0\nwidened: 0\n"


def test_nothing(project: Project) -> None:
    answer = project.run("blind-spots")
    assert (answer.code, answer.out, answer.err) == (0, CLEAN, "")


DYNAMIC = {
    "getattr": "def f(x, name):\n    getattr(x, name)",
    "getattr under another name": "from builtins import getattr as g\ndef f(x, name):\n    g(x, name)",
    "setattr": "def f(x, name):\n    setattr(x, name, 1)",
    "delattr": "def f(x, name):\n    delattr(x, name)",
    "eval": "eval('1')",
    "exec": "exec('x = 1')",
    "import_module": "import importlib\ndef f(name):\n    importlib.import_module(name)",
    "__import__": "def f(name):\n    __import__(name)",
    "__dict__": "def f(x):\n    return x.__dict__",
    "globals": "globals()['x'] = 1",
    "locals": "def f():\n    return locals()",
    "vars": "def f(x):\n    return vars(x)",
}


STATIC = {
    "constant name": "def f(x):\n    getattr(x, 'run')",
    "constant by assignment": "NAME = 'run'\ndef f(x):\n    setattr(x, NAME, 1)",
    "constant module": "import importlib\nimportlib.import_module('app.base')",
    "their own eval": "def eval(x): ...\neval('1')",
    "a method of that name": "def f(x):\n    x.globals()",
}


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], str]:
    """All of these in one project: the kind that is reported by path, and the report as text."""
    project = Project(tmp_path_factory.mktemp("everything"))
    for number, code in enumerate((*DYNAMIC.values(), *STATIC.values())):
        project.write(f"app/case_{number}.py", code + "\n")
    found = project.run("blind-spots", "--format", "json").json()["dynamic"]
    answer = project.run("blind-spots")
    assert answer.code == 0
    return {each["place"]["path"]: each["kind"] for each in found}, answer.out


def test_dynamic_sites(everything: tuple[dict[str, str], str]) -> None:
    wanted = {f"app/case_{number}.py": name.partition(" ")[0] for number, name in enumerate(DYNAMIC)}
    assert everything[0] == wanted


def test_dynamic_sites_as_text(everything: tuple[dict[str, str], str]) -> None:
    lines = everything[1].splitlines()
    assert f"dynamic: {len(DYNAMIC)} (1 __dict__, 1 __import__, 1 delattr, 1 eval," in everything[1]
    assert "    app/case_1.py:3:5: getattr: g(x, name)" in lines


def test_what_a_contract_cannot_decide(project: Project) -> None:
    project.write(
        "app/case.py",
        "from app.base import Plugin\n\n\ndef unknown(x):\n    x.run({})\n\n\n"
        "def computed(p: Plugin, name: str):\n    getattr(p, name)()\n\n\n"
        "def known(p: Plugin):\n    p.run({})\n",
    )
    answer = project.run("blind-spots")
    assert answer.code == 0
    reason = "parameter x of unknown has no annotation and no call gives it a known value"
    assert answer.out.splitlines()[:3] == [
        "only-runner: 2 undecided",
        f"    app/case.py:5:7: unresolved: x.run() in unknown may be Plugin.run: {reason}",
        "    app/case.py:9:5: possible: an attribute of Plugin is taken by a computed name in computed",
    ]
    (first, second) = project.run("blind-spots", "--format", "json").json()["undecided"]["only-runner"]
    assert (first["check"], first["grade"], first["place"]["line"]) == ("unknown-receiver", "unresolved", 5)
    assert (second["check"], second["grade"], second["place"]["line"]) == ("dynamic-access", "possible", 9)


def test_a_suppression_hides_nothing_here(project: Project) -> None:
    project.write("app/case.py", "def f(x):\n    x.run({})  # governance: except[only-runner] looked at\n")
    assert project.run("blind-spots").out.startswith("only-runner: 1 undecided\n")


def test_test_files_are_counted_and_shown_when_asked_for(project: Project) -> None:
    project.write("tests/test_it.py", "eval('1')\n")
    assert project.run("blind-spots").out == CLEAN + "in test files: 1 more, shown with --tests\n"
    assert "tests/test_it.py:1:1: eval: eval('1')" in project.run("blind-spots", "--tests").out


def test_questions_with_too_many_answers(project: Project) -> None:
    classes = "".join(f"class C{number}: ...\n" for number in range(80))
    calls = "".join(f"take(C{number}())\n" for number in range(80))
    project.write("app/case.py", f"{classes}def take(x):\n    x.run()\n    return x\n{calls}")
    lines = project.run("blind-spots").out.splitlines()
    assert any(line.endswith(": parameter x of take") for line in lines[lines.index("dynamic: 0") :])


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_file_that_cannot_be_read_makes_it_incomplete(project: Project, form: str) -> None:
    project.write("app/broken.py", "def f(:\n")
    answer = project.run("blind-spots", "--format", form)
    assert answer.code == 3
    assert "app/broken.py" in answer.out


def test_more_calls_than_are_followed_are_told_and_prove_nothing(project: Project) -> None:
    project.write("app/many.py", "def go(p):\n    p.run({})\n")
    calls = "".join(f"go({number})\n" for number in range(450))
    project.write("app/calls.py", f"from app.base import Plugin\nfrom app.many import go\n{calls}go(Plugin())\n")
    told = project.run("blind-spots").out
    assert "only-runner: 1 undecided" in told
    assert "all calls of go, seen from module app.many" in told
    assert "p.run() in go may be Plugin.run" in project.run("check").out
