"""Callees: the project functions that calling a value may run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from governance.findings import Grade
from governance.index import dispatching
from governance.index.solver import Solver
from governance.index.values import ClassId, FunctionId, Key, Value, class_of

_OVERRIDES: Final = 200
"""A method with more subclasses than this stands for itself only."""
_DEPTH: Final = 4
"""How many partials within partials are followed."""

_Found: TypeAlias = "dict[tuple[FunctionId, Value | None], Grade]"


@dataclass(frozen=True, slots=True)
class Callee:
    """A project function that a call may run; receiver is the bound `self`/`cls` value, None for plain functions."""

    function: FunctionId
    grade: Grade
    receiver: Value | None


def run_by(solver: Solver, callee: Key) -> list[Callee]:
    """What calling the values of a key runs; constructors count as `__init__`; overrides in subclasses as PROBABLE."""
    found: _Found = {}
    for value, evidence in solver.ask(callee).items():
        _callee(solver, value, Grade(evidence.grade), found, _DEPTH)
    return [Callee(function, grade, receiver) for (function, receiver), grade in found.items()]


def _callee(solver: Solver, value: Value, grade: Grade, found: _Found, depth: int) -> None:
    def put(function: FunctionId, receiver: Value | None, best: Grade) -> None:
        key = (function, receiver)
        found[key] = max(best, found.get(key, Grade.UNRESOLVED))

    project = solver.project
    kind = value[0]
    if kind == "fn":
        put(value[1], None, grade)
        for each in dispatching.overloads(solver, value[1]):
            put(each, None, min(grade, Grade.PROBABLE))
    elif kind == "bm":
        put(value[1], value[2], grade)
        cls = class_of(value[2])
        name = project.scope(value[1]).name
        if cls is not None and name != "__init__" and _dispatches(solver, cls, name, value[1]):
            subclasses = solver.classes.subclasses(cls)
            for each in subclasses if len(subclasses) <= _OVERRIDES else ():
                for override in project.children(each, name):
                    if override != value[1] and project.scope(override).kind == "function":
                        put(override, ("inst", each, ()), min(grade, Grade.PROBABLE))
    elif kind == "decorated":
        put(value[1], value[3], grade)
    elif kind in ("cls", "selfcls"):
        _method(solver, value[1], "__init__", grade, found)
    elif kind in ("inst", "self") and depth:
        _method(solver, value[1], "__call__", grade, found)
    elif kind == "partial" and depth:
        call = project.node((value[1], value[2]))
        if call[2]:
            for each, evidence in solver.ask(("n", value[1], call[2][0])).items():
                _callee(solver, each, min(grade, Grade(evidence.grade)), found, depth - 1)


def _dispatches(solver: Solver, cls: ClassId, name: str, function: FunctionId) -> bool:
    """Whether a bound method was found on its receiver, where overrides may take its place, not by `super()`."""
    bound = solver.classes.lookup(cls, name)
    return bound is None or any(
        solver.project.node(ref)[0] != "function" or (ref[0], solver.project.node(ref)[1]) == function
        for ref in bound[1]
    )


def _method(solver: Solver, cls: ClassId, name: str, grade: Grade, found: _Found) -> None:
    bound = solver.classes.lookup(cls, name)
    for ref in bound[1] if bound else ():
        node = solver.project.node(ref)
        if node[0] == "function":
            found[((ref[0], node[1]), ("inst", cls, ()))] = grade
