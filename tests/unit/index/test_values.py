"""What expressions may be: every `reveal(x)  # expected` in cases/ is compared with what the index knows of x.

Values are written as an annotation would write them: `Job` an instance, `type[Job]` the class, `call()` a function,
`'text'` a constant, `Color.RED` a member, `[Job]` a sequence, `{Job}` a mapping by its values, `(Job, None)` a tuple,
`module x`, a dotted name for what lies outside the project, and `?` when nothing is known.
"""

from __future__ import annotations

import importlib
import random
import re
from functools import cache
from pathlib import Path

import pytest

from governance.extract import extract, locate
from governance.index import Index, Module
from governance.index.values import Value

CASES = Path(__file__).parent / "cases"
_EXPECTED = re.compile(r"reveal\(.*\)\s*#\s*(?P<values>.+?)\s*$")


@cache
def index() -> Index:
    return fresh_index()


def fresh_index() -> Index:
    return Index(
        Module(
            path.relative_to(CASES).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"),
            path.relative_to(CASES).as_posix(),
            extract(path.read_bytes()),
            path.name == "__init__.py",
        )
        for path in sorted(CASES.rglob("*.py"))
    )


def shown(value: Value, depth: int = 3) -> str:
    project, kind = index().project, value[0]
    if kind in ("inst", "self"):
        return project.qualname(value[1])
    if kind in ("cls", "selfcls"):
        return f"type[{project.qualname(value[1])}]"
    if kind in ("fn", "bm", "decorated"):
        return f"{project.qualname(value[1]) or 'lambda'}()"
    if kind == "const":
        return "None" if value[1] == "none" else repr(value[2])
    if kind == "enum":
        return f"{project.qualname(value[1])}.{value[2]}"
    if kind == "mod":
        return f"module {value[1]}"
    if kind in ("ext", "xinst"):
        return str(value[1]).removeprefix("builtins.")
    if kind == "cont" and depth:
        inner = [told(key, depth - 1) for key in value[2]]
        return {"seq": "[{}]", "dict": "{{{}}}", "tuple": "({})"}[value[1]].format(
            inner[-1] if value[1] != "tuple" else ", ".join(inner)
        )
    return {"coro": "awaitable", "gencm": "manager", "xmeth": "method", "cmeth": "method"}.get(kind, str(kind))


def told(key: tuple[object, ...], depth: int = 3, of: Index | None = None) -> str:
    return " | ".join(sorted({shown(value, depth) for value in (of or index()).solver.ask(key)})) or "?"


def reveals() -> list[object]:
    found: list[object] = []
    for module in index().project.modules.values():
        path = CASES / module.path
        lines = path.read_text(encoding="utf-8").splitlines()
        calls = [
            (number, node[2][0])
            for number, node in enumerate(module.facts.nodes)
            if node[0] == "call" and module.facts.nodes[node[1]][0] in ("free", "local")
            and module.facts.nodes[node[1]][1] == "reveal"
        ]  # fmt: skip
        places = locate(path.read_bytes(), [number for number, _ in calls])
        for number, argument in calls:
            line = places[number].line
            match = _EXPECTED.search(lines[line - 1])
            assert match, f"{module.path}:{line}: reveal without an expectation"
            found.append(pytest.param(module.name, argument, match["values"], id=f"{module.path}:{line}"))
    return found


@pytest.mark.parametrize(("module", "node", "expected"), reveals())
def test_value(module: str, node: int, expected: str) -> None:
    assert told(("n", module, node)) == expected


@pytest.mark.parametrize("seed", range(6))
def test_answers_do_not_depend_on_the_order_of_questions(seed: int) -> None:
    questions = [case.values for case in reveals()]  # type: ignore[attr-defined]  # pytest's parameter sets
    random.Random(seed).shuffle(questions)
    other = fresh_index()
    wrong = []
    for module, node, _ in questions:
        key = ("n", module, node)
        if set(other.solver.ask(key)) != set(index().solver.ask(key)):
            wrong.append((module, index().project.text((module, node))))
    assert not wrong


SERVER = Path(__file__).parents[3] / "server"
_OF_THE_PROJECT = frozenset(("inst", "self", "cls", "selfcls", "fn", "bm", "decorated", "mod", "enum", "partial"))


@cache
def server_modules() -> tuple[Module, ...]:
    return tuple(
        Module(
            path.relative_to(SERVER.parent).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__"),
            path.as_posix(),
            extract(path.read_bytes()),
            path.name == "__init__.py",
        )
        for path in sorted((SERVER / "app").rglob("*.py"))
    )


def test_answers_about_a_whole_program_do_not_depend_on_the_order_of_questions() -> None:
    """What is told of constants and external objects is bounded, and which of them are kept may depend on the order."""
    questions = [
        ("n", module.name, number)
        for module in server_modules()
        for number, node in enumerate(module.facts.nodes)
        if node[0] in ("call", "attr", "local", "sub")
    ]
    questions = random.Random(1).sample(questions, min(1500, len(questions)))
    told_by = []
    for seed in (2, 3):
        shuffled = questions[:]
        random.Random(seed).shuffle(shuffled)
        solver = Index(server_modules()).solver
        for key in shuffled:
            solver.ask(key)
        assert not solver.exhausted
        told_by.append({key: {each for each in solver.ask(key) if each[0] in _OF_THE_PROJECT} for key in questions})
    assert any(told_by[0].values())
    assert told_by[0] == told_by[1]


@pytest.mark.parametrize("package", ["json", "unittest"])
def test_foreign_code_is_answered_within_bounds(package: str) -> None:
    """Nothing of the standard library is typed or written for us: no crash, and far from the budget."""
    home = Path(importlib.import_module(package).__file__ or "").parent
    index = Index(
        Module(f"{package}.{path.stem}".removesuffix(".__init__"), path.name, extract(path.read_bytes()))
        for path in sorted(home.glob("*.py"))
    )
    for module, number in index.project.all_calls:
        index.callees((module, number))
    assert not index.solver.exhausted
    assert index.solver.evaluations < 150 * len(index.project.all_calls)
