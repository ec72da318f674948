"""Definitions: what a `def` or `class` statement binds once its decorators have been applied."""

from __future__ import annotations

from governance.contract import Ref
from governance.facts import Node
from governance.index import calls
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import ClassId, FunctionId, Key, Value, last_part
from governance.index.wrappers import WRAPPERS

_DECORATING = ("fn", "bm", "inst", "cls")
"""The kinds of values that are called when they stand as a decorator."""


def wrapper(solver: Solver, function: FunctionId) -> str | None:
    """property, staticmethod, classmethod or contextmanager if such a decorator is on the function."""
    for decorator in solver.project.scope(function).decorators:
        ref = (function[0], decorator)
        node = solver.project.node(ref)
        if node[0] == "call":
            ref = (function[0], node[1])
            node = solver.project.node(ref)
        if node[0] == "attr" and node[2] in ("setter", "getter", "deleter"):
            return "property"
        for dotted in solver.names.dotted(ref):
            found = WRAPPERS.get(last_part(dotted))
            if found is not None:
                return found
        if any(entity[0] == "cls" and _is_property(solver, entity[1]) for entity in solver.names.resolve(ref)):
            return "property"
    return None


def _is_property(solver: Solver, cls: ClassId) -> bool:
    """A decorator class of the project whose `__get__` calls what it decorates: `self.func(instance)`."""
    known = solver.properties.get(cls)
    if known is None:
        known = solver.properties[cls] = any(_calls_own(solver, get) for get in solver.project.children(cls, "__get__"))
    return known


def _calls_own(solver: Solver, get: FunctionId) -> bool:
    facts = solver.project.modules[get[0]].facts

    def is_param(number: int, *wanted: int) -> bool:
        node = facts.nodes[number]
        while node[0] == "narrow" or (node[0] == "local" and node[2] >= 0):
            node = facts.nodes[node[1] if node[0] == "narrow" else node[2]]
        return node[0] == "param" and node[1] == get[1] and node[2] in wanted

    for number, node in enumerate(facts.nodes):
        if node[0] != "call" or facts.owner[number] != get[1] or len(node[2]) != 1:
            continue
        callee = facts.nodes[node[1]]
        if callee[0] == "attr" and is_param(callee[1], 0) and is_param(node[2][0], 1, 2):
            return True
    return False


def rule_function(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """A function node: the function itself, or what its decorators made of it."""
    function = (ref[0], node[1])
    scope = solver.project.scope(function)
    kind = wrapper(solver, function) if scope.decorators else None
    if kind is not None:
        add(out, ("decorated", function, kind, None), note="defined")
        return
    value: Value = ("fn", function)
    if not _decorate(solver, ref, scope.decorators, out):
        add(out, value, note="defined")
    else:
        add(out, value, PROBABLE, "defined")


def rule_class(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """A class node: the class; a decorator may put something else beside it."""
    cls = (ref[0], node[1])
    add(out, ("cls", cls), note="defined")
    _decorate(solver, ref, solver.project.scope(cls).decorators, out)


def _decorate(solver: Solver, ref: Ref, decorators: list[int], out: Answer) -> bool:
    """Add what the project's own decorators return; whether there was any."""
    found = False
    own, decorated = (ref[0], solver.project.node(ref)[1]), solver.decorated
    for decorator in decorators:
        key: Key = ("n", ref[0], decorator)
        alike = decorated.alike((ref[0], decorator))
        for value, evidence in solver.get(key).items():
            if value[1] in alike or not (value[0] in _DECORATING or value[2:3] == ("staticmethod",)):
                continue
            solver.get(("decorate", *ref))
            results: Answer = {}
            bare: Node = ["call", decorator, [ref[1]], []]
            calls.result(solver, ref, bare, key, value, evidence.grade, results)
            for each, reason in results.items():
                if each[0] not in (*_DECORATING, "partial"):
                    continue
                by_function = each[0] == "fn" and value[0] in ("fn", "bm", "decorated")
                if each[1] in alike - {own} and not (by_function and decorated.is_named_by(each[1], value[1])):
                    continue
                if by_function and decorated.is_applied_within(each[1], value[1]):
                    continue
                found = True
                add(out, each, reason.grade, "decorated", reason.source, reason.value)
    return found
