"""`governance trace`: who reaches a symbol, as text and as JSON."""

import pytest

from tests.functional.conftest import CONFIG, Project

LAYERS = """
[contracts.downwards]
type = "layers"
because = "no shortcuts"
order = ["web", "work", "run"]

[contracts.downwards.modules]
web = ["app.web"]
work = ["app.work"]
run = ["app.runner"]
"""
WORK = """from app.runner import Runner


class Work:
    def __init__(self, runner: Runner) -> None:
        self.runner = runner

    def do(self, plugin) -> dict:
        return self.runner.run(plugin)
"""
WEB = """from app.work import Work


def route(work: Work) -> dict:
    return work.do(None)
"""


@pytest.fixture
def layered(project: Project) -> Project:
    project.write("governance.toml", CONFIG + LAYERS)
    project.write("app/work.py", WORK)
    project.write("app/web.py", WEB)
    return project


def test_callers_and_their_callers_with_layers(layered: Project) -> None:
    answer = layered.run("trace", "app.base:Plugin.run")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.splitlines() == [
        "app.base:Plugin.run (app/base.py:2:9)",
        "    app.runner:Runner.run [run]: plugin.run is called, app/runner.py:6:23",
        "        app.work:Work.do [work]: self.runner.run is called, app/work.py:9:28",
        "            app.web:route [web]: work.do is called, app/web.py:5:17",
        "layers of downwards: web > work > run",
        "reached from 3 places, 0 not decided",
        "called by nothing in the project: app.web:route",
    ]


def test_json(layered: Project) -> None:
    answer = layered.run("trace", "app.base:Plugin.run", "--format", "json")
    report = answer.json()
    assert (answer.code, report["schema"], report["exit"], report["problems"]) == (0, 1, 0, [])
    assert [each["symbol"] for each in report["targets"]] == ["app.base:Plugin.run"]
    assert [(each["of"], each["by"], each["depth"], each["layers"]) for each in report["callers"]] == [
        ("app.base:Plugin.run", "app.runner:Runner.run", 1, {"downwards": "run"}),
        ("app.runner:Runner.run", "app.work:Work.do", 2, {"downwards": "work"}),
        ("app.work:Work.do", "app.web:route", 3, {"downwards": "web"}),
    ]
    first = report["callers"][0]
    assert (first["text"], first["how"], first["grade"]) == ("plugin.run", "is called", "definite")
    assert first["place"] == {"path": "app/runner.py", "line": 6, "column": 23, "end_line": 6, "end_column": 26}
    assert report["routes"] == {"downwards": [["web", "work", "run"]]}
    assert report["entries"] == ["app.web:route"]


def test_depth(layered: Project) -> None:
    answer = layered.run("trace", "app.base:Plugin.run", "--depth", "2")
    assert "app.work:Work.do" in answer.out
    assert "app.web:route" not in answer.out


PREAMBLE = "from app.base import Plugin\n\n"
REACHED = {
    "a call": ("def f(p: Plugin):\n    p.run({})", "{case}:f: p.run is called, {at}:5:7"),
    "handed over": (
        "def f(p: Plugin, pool):\n    pool.submit(p.run, {})",
        "{case}:f: p.run is handed to pool.submit, {at}:5:19",
    ),
    "returned": ("def f(p: Plugin):\n    return p.run", "{case}:f: p.run is returned, {at}:5:14"),
    "kept": ("TABLE = {}\ndef f(p: Plugin):\n    TABLE['p'] = p.run", "{case}:f: p.run is kept, {at}:6:20"),
    "by a constant name": (
        "def f(p: Plugin):\n    getattr(p, 'run')({})",
        "{case}:f: getattr(...) is called, {at}:5:5",
    ),
    "by a computed name": (
        "def f(p: Plugin, name: str):\n    getattr(p, name)({})",
        "{case}:f: getattr(...) is one of those taken by a computed name (possible), {at}:5:5",
    ),
    "by methodcaller": (
        "from operator import methodcaller\ndef f(p: Plugin):\n    methodcaller('run', {})(p)",
        "{case}:f: methodcaller(...)(...) is called, {at}:6:5",
    ),
    "in a lambda": (
        "def f(p: Plugin):\n    return lambda: p.run({})",
        "{case}:f: p.run is called, {at}:5:22",
    ),
    "in a nested function": (
        "def f(p: Plugin):\n    def g():\n        p.run({})\n    return g",
        "{case}:f: g is returned, {at}:7:12",
    ),
    "at import": ("def make() -> Plugin: ...\nmake().run({})", "{case}: make().run is called, {at}:5:8"),
    "of a subclass": (
        "class Mine(Plugin):\n    def run(self, payload): ...\ndef f(p: Mine):\n    p.run({})",
        "{case}:f: p.run is called, {at}:7:7",
    ),
}


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The trace of one project that has all of them."""
    project = Project(tmp_path_factory.mktemp("reached"))
    for number, (code, _) in enumerate(REACHED.values()):
        project.write(f"app/case_{number}.py", f"{PREAMBLE}\n{code}\n")
    answer = project.run("trace", "app.base:Plugin.run")
    assert answer.code == 0
    return [line.strip() for line in answer.out.splitlines()]


@pytest.mark.parametrize("name", REACHED)
def test_every_way_to_reach_a_method(reached: list[str], name: str) -> None:
    number = list(REACHED).index(name)
    wanted = REACHED[name][1].format(at=f"app/case_{number}.py", case=f"app.case_{number}")
    assert wanted in reached


SYMBOLS = {
    "a function under another name": (
        "from app.case import work as w\nw()",
        "app.case:work",
        "app.other: w is called, app/other.py:2:1",
    ),
    "a function of a module": (
        "import app.case\napp.case.work()",
        "app.case:work",
        "app.other: app.case.work is called, app/other.py:2:10",
    ),
    "a decorated function": (
        "",
        "app.case:route",
        "app.case: registry.add(...) is a decorator of it, app/case.py:7:2",
    ),
    "a class": (
        "from app.case import Thing\nThing(1)",
        "app.case:Thing",
        "app.other: Thing is called, app/other.py:2:1",
    ),
    "a constructor": (
        "from app.case import Thing\nThing(1)",
        "app.case:Thing.__init__",
        "app.other: Thing is called, app/other.py:2:1",
    ),
    "a constructor by cls": (
        "from app.case import Thing\nclass More(Thing):\n    @classmethod\n    def of(cls):\n        return cls(1)",
        "app.case:Thing.__init__",
        "app.other:More.of: cls is called, app/other.py:5:16",
    ),
    "an object that is called": (
        "from app.case import Thing\nThing(1)(2)",
        "app.case:Thing.__call__",
        "app.other: Thing(...) is called, app/other.py:2:1",
    ),
    "a property": (
        "from app.case import Thing\ndef f(t: Thing):\n    return t.size",
        "app.case:Thing.size",
        "app.other:f: t.size is read, app/other.py:3:14",
    ),
}
CASE = """import registry

def work(): ...

def unused(): ...

@registry.add("x")
def route(): ...

class Thing:
    def __init__(self, n): ...

    def __call__(self, n): ...

    @property
    def size(self): ...
"""


@pytest.mark.parametrize("name", SYMBOLS)
def test_every_kind_of_symbol(project: Project, name: str) -> None:
    code, symbol, line = SYMBOLS[name]
    project.write("app/case.py", CASE)
    project.write("app/other.py", code + "\n")
    answer = project.run("trace", symbol)
    assert answer.code == 0
    assert f"    {line}" in answer.out.splitlines()


def test_nobody(project: Project) -> None:
    project.write("app/case.py", CASE)
    answer = project.run("trace", "app.case:unused")
    assert (answer.code, answer.out) == (
        0,
        "app.case:unused (app/case.py:5:5)\nreached from 0 places, 0 not decided\n",
    )


def test_an_unknown_receiver_is_listed_and_not_followed(project: Project) -> None:
    project.write("app/case.py", "def f(x):\n    x.run()\n\n\ndef g(x):\n    f(x)\n")
    lines = project.run("trace", "app.base:Plugin.run").out.splitlines()
    at = lines.index("not decided, because nothing is known of the receiver:")
    assert lines[at + 1] == "    app.case:f: x.run is called (unresolved), app/case.py:2:7"
    assert not any("app.case:g" in line for line in lines)


def test_callers_in_a_circle(project: Project) -> None:
    project.write("app/case.py", "def even(n):\n    return odd(n)\n\n\ndef odd(n):\n    return even(n)\n")
    lines = project.run("trace", "app.case:even").out.splitlines()
    assert lines[1:3] == [
        "    app.case:odd: even is called, app/case.py:6:12",
        "        app.case:even: odd is called, app/case.py:2:12 (see above)",
    ]


def test_tests_are_left_out_unless_asked_for(project: Project) -> None:
    project.write("tests/test_it.py", PREAMBLE + "def test_it(p: Plugin):\n    p.run({})\n")
    assert "test_it" not in project.run("trace", "app.base:Plugin.run").out
    assert "tests.test_it:test_it: p.run is called" in project.run("trace", "app.base:Plugin.run", "--tests").out


MISTAKES = {
    "unknown": ("app.base:Plugin.rum", "names nothing in this project; did you mean app.base:Plugin.run?"),
    "module": ("app.base", "is a module: name a function, method or class of it"),
    "nothing": ("", "names nothing in this project\n"),
    "surrogate": ("app.\udcff:x", "names nothing in this project"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_symbols_that_cannot_be_traced(project: Project, name: str) -> None:
    symbol, said = MISTAKES[name]
    answer = project.run("trace", symbol)
    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize("depth", ["0", "-1", "x", "1.5"])
def test_depths_that_are_none(project: Project, depth: str) -> None:
    answer = project.run("trace", "app.base:Plugin.run", "--depth", depth)
    assert answer.code == 2
    assert "is not a number of steps" in answer.err


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_file_that_cannot_be_read_makes_it_incomplete(project: Project, form: str) -> None:
    project.write("app/broken.py", "def f(:\n")
    answer = project.run("trace", "app.base:Plugin.run", "--format", form)
    assert answer.code == 3
    assert "app/broken.py" in answer.out
    assert "app.runner:Runner.run" in answer.out
