"""Dispatching: `functools.singledispatch` functions and the overloads that are registered for them."""

from __future__ import annotations

from governance.index import typing_forms
from governance.index.solver import Answer, Solver
from governance.index.values import FunctionId


def overloads(solver: Solver, function: FunctionId) -> list[FunctionId]:
    """The functions that calling a `singledispatch` function may run besides itself; [] for any other function."""
    if not _dispatches(solver, function):
        return []
    project = solver.project
    found: list[FunctionId] = []
    for module, number in project.decorations:
        node = project.node((module, number))
        scope = (module, int(node[1]))
        if node[0] == "function" and any(of == function for of, _ in _registered(solver, scope)):
            found.append(scope)
    return found


def dispatched(solver: Solver, function: FunctionId, index: int, out: Answer) -> None:
    """`@f.register(Class)` on an overload of a `singledispatch` function: the first argument is of that class."""
    if index != (0 if solver.project.owning_class(function) is None else 1):
        return
    for _, kind in _registered(solver, function):
        if kind >= 0:
            typing_forms.concrete(solver, ("t", function[0], kind, ()), out, "registered for")


def _registered(solver: Solver, function: FunctionId) -> list[tuple[FunctionId, int]]:
    """The dispatching functions that one is registered for, each with the node of the class (-1: its annotation)."""
    project, module = solver.project, function[0]
    found: list[tuple[FunctionId, int]] = []
    for decorator in project.scope(function).decorators:
        node = project.node((module, decorator))
        callee = project.node((module, node[1])) if node[0] == "call" and node[2] else node
        if callee[0] != "attr" or callee[2] != "register":
            continue
        kind = node[2][0] if node[0] == "call" else -1
        entities = solver.names.resolve((module, callee[1]))
        found += [(each[1], kind) for each in entities if each[0] == "fn" and _dispatches(solver, each[1])]
    return found


def _dispatches(solver: Solver, function: FunctionId) -> bool:
    return any(
        dotted.startswith("functools.singledispatch")
        for each in solver.project.scope(function).decorators
        for dotted in solver.names.dotted((function[0], each))
    )
