"""Tests: their value, and the environments in which they came out true and false."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import libcst as cst

from governance.extract.bound_names import dotted
from governance.extract.environment import Env, join
from governance.extract.walk import Walk, name_of


def condition(walk: Walk, node: Any) -> tuple[int, Env, Env]:
    """Walk a test: its node, the environment when it is true, the environment when it is false.

    The environments may be one object and are not to be changed in place: copy before going on with one.
    """
    outer, walk.place = walk.place, node
    found = _condition(walk, node)
    walk.place = outer
    return found


def _condition(walk: Walk, node: Any) -> tuple[int, Env, Env]:
    kind = type(node)
    if kind is cst.BooleanOperation:
        return _boolean(walk, node)
    if kind is cst.UnaryOperation and type(node.operator) is cst.Not:
        number, true, false = condition(walk, node.expression)
        return walk.add(["not", number]), false, true
    start = len(walk.log)
    number = walk.expr(node)
    if walk.in_type:
        return number, walk.env, walk.env
    fact = walk.nodes[number]
    if fact[0] == "const":
        return number, *_constant(walk.env, fact)
    keys = [key for key in dict.fromkeys(_subjects(node)) if key]
    if len(walk.log) > start:
        keys = _unchanged(walk, start, keys, node)
    if not keys:
        return number, walk.env, walk.env
    return number, walk.narrowed(walk.env, keys, number, True), walk.narrowed(walk.env, keys, number, False)


def _unchanged(walk: Walk, start: int, keys: list[str], node: Any) -> list[str]:
    """Those of the keys that still mean what the test saw, though the test itself stored something.

    A name that a walrus binds as the subject of the test is one, if nothing else in the test stores or reads it.
    """
    stored = [name for name, _ in walk.log[start:]]
    bound = [key for key, is_bound in _spelled(node) if is_bound]
    read = [key for key, is_bound in _spelled(node) if not is_bound]
    return [
        key for key in keys if not touches(stored, key) or (key in bound and key not in read and stored.count(key) == 1)
    ]


def touches(stored: Iterable[str], key: str) -> bool:
    """Whether one of the stored names and paths is the key or a prefix of it."""
    return any(name == key or key.startswith(name + ".") for name in stored)


def _constant(env: Env, fact: list[Any]) -> tuple[Env, Env]:
    """A literal decides the test: `while True` is left by `break` alone."""
    _, kind, value = fact
    if kind == "none" or (kind in ("bool", "int", "str") and value is not None and not value):
        return Env(env, live=False), env
    if kind == "ellipsis" or (kind in ("bool", "int", "str") and value):
        return env, Env(env, live=False)
    return env, env


def _boolean(walk: Walk, node: cst.BooleanOperation) -> tuple[int, Env, Env]:
    operator = type(node.operator)
    operands: list[Any] = [node.right]
    left: Any = node.left
    while type(left) is cst.BooleanOperation and type(left.operator) is operator:
        operands.append(left.right)
        left = left.left
    operands.append(left)
    operands.reverse()
    decided: list[Env] = []
    numbers: list[int] = []
    outer = (walk.steps, walk.depth)
    is_and = operator is cst.And
    for position, operand in enumerate(operands):
        if position:
            block, before = walk.collect()
            number, true, false = condition(walk, operand)
            if block:
                before[0].append(["if", numbers[-1], block, []] if is_and else ["if", numbers[-1], [], block])
            else:
                walk.resume(before)
        else:
            number, true, false = condition(walk, operand)
        numbers.append(number)
        decided.append(false if is_and else true)
        walk.env = Env(true if is_and else false)
    walk.resume(outer)
    early = join(decided, walk.scope.outside)
    number = walk.add(["and" if is_and else "or", numbers])
    return (number, walk.env, early) if is_and else (number, early, walk.env)


def _subjects(node: Any) -> list[str]:
    """The names and dotted paths that a test is about."""
    return [key for key, _ in _spelled(node)]


def _spelled(node: Any) -> list[tuple[str, bool]]:
    """The same, each with whether it is there as the target of a walrus."""
    kind = type(node)
    if kind is cst.Name or kind is cst.Attribute:
        return [(dotted(node), False)]
    if kind is cst.NamedExpr:
        return [(name_of(node.target), True), (dotted(node.value), False)]
    if kind is cst.Call:
        if node.args and not node.args[0].star and node.args[0].keyword is None:
            return _compared(node.args[0].value)
    elif kind is cst.Comparison:
        found = _compared(node.left)
        for target in node.comparisons:
            found = found + _compared(target.comparator)
        return found
    return []


def _compared(node: Any) -> list[tuple[str, bool]]:
    if type(node) is cst.Name and node.value in ("None", "True", "False"):
        return []
    if type(node) is cst.Call and type(node.func) is cst.Name and node.func.value == "type" and len(node.args) == 1:
        return _compared(node.args[0].value)
    return _spelled(node) if type(node) in (cst.Name, cst.Attribute, cst.NamedExpr) else []
