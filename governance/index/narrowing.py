"""Narrowing: what a value may still be on the branch where a test was true or false."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from governance.index.solver import Answer, Solver, add
from governance.index.values import NONE, ClassId, Key, class_of, last_part, type_object

_DATA: Final = frozenset(
    f"builtins.{name}"
    for name in "str int float bool bytes bytearray list tuple dict set frozenset complex range slice".split()
)
_PLAIN: Final = frozenset(("builtins.object", "abc.ABC", "typing.Protocol", "typing.Generic"))
"""Bases that make no class an instance of a class of data."""
_ORDERED: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_MIRRORED: Final = {"<": operator.gt, "<=": operator.ge, ">": operator.lt, ">=": operator.le}
_MATCHED: Final = ("class", "value", "or", "capture")


def narrow(solver: Solver, module: str, source: int, test: int, positive: bool, out: Answer) -> None:
    """Copy the values of node `source` that are possible when node `test` is true (or false)."""
    values: Answer = {}
    solver.copy(("n", module, source), values, "")
    result = _apply(solver, module, source, test, positive, values)
    for value, evidence in result.items():
        add(out, value, evidence.grade, evidence.note, evidence.source, evidence.value)


def _apply(solver: Solver, module: str, source: int, test: int, positive: bool, values: Answer) -> Answer:
    """Tests come one by one: the extractor takes `not`, `and` and `or` apart."""
    node = solver.project.node((module, test))
    op = node[0]
    if op == "call":
        return _called(solver, module, source, node, positive, values)
    if op == "compare" and len(node[1]) == 1:
        return _compared(solver, module, source, node, positive, values)
    if op == "matches" and _same(solver, module, node[1], source):
        return _pattern(solver, module, node[2], positive, values)
    if _same(solver, module, test, source):
        if positive:
            return {
                value: evidence for value, evidence in values.items() if value not in (NONE, ("const", "bool", False))
            }
        return {value: evidence for value, evidence in values.items() if value[0] not in ("fn", "cls", "bm")}
    return values


def _root(solver: Solver, module: str, number: int) -> tuple[Any, ...]:
    for _ in range(40):
        node = solver.project.node((module, number))
        if node[0] in ("local", "narrow") and (node[0] == "narrow" or node[2] >= 0):
            number = node[1] if node[0] == "narrow" else node[2]
        elif node[0] == "attr":
            return ("attr", _root(solver, module, node[1]), node[2])
        else:
            return (module, number) if node[0] != "free" else ("free", node[1])
    return (module, number)


def _same(solver: Solver, module: str, one: int, other: int) -> bool:
    return _root(solver, module, one) == _root(solver, module, other)


def _called(solver: Solver, module: str, source: int, node: list[Any], positive: bool, values: Answer) -> Answer:
    if not node[2] or not _same(solver, module, node[2][0], source):
        return values
    names = solver.names.dotted((module, node[1]))
    if "builtins.isinstance" in names and len(node[2]) == 2:
        return _instances(solver, _classes(solver, ("n", module, node[2][1]), 3), positive, values, is_type=False)
    if "builtins.issubclass" in names and len(node[2]) == 2:
        return _instances(solver, _classes(solver, ("n", module, node[2][1]), 3), positive, values, is_type=True)
    if "builtins.callable" in names:
        return values
    for callee in solver.get(("n", module, node[1])):
        if callee[0] not in ("fn", "bm"):
            continue
        scope = solver.project.scope(callee[1])
        if scope.returns < 0:
            continue
        written = solver.project.node((callee[1][0], scope.returns))
        if written[0] == "sub":
            guard = {last_part(each) for each in solver.names.dotted((callee[1][0], written[1]))}
            if positive and guard & {"TypeGuard", "TypeIs"}:
                found: Answer = {}
                solver.copy(("t", callee[1][0], written[2], ()), found, "type guard")
                return found
            if not positive and "TypeIs" in guard:
                excluded = {value[1] for value in solver.get(("t", callee[1][0], written[2], ())) if value[0] == "inst"}
                return _instances(solver, (excluded, set()), positive, values, is_type=False)
    return values


def _classes(solver: Solver, key: Key, depth: int) -> tuple[set[ClassId], set[str]]:
    """Project classes and external ones that a class-or-tuple expression names."""
    found: set[ClassId] = set()
    external: set[str] = set()
    for value in solver.get(key):
        cls = type_object(value)
        if cls is not None:
            found.add(cls)
        elif value[0] == "cont" and depth:
            for each in value[2]:
                inner = _classes(solver, each, depth - 1)
                found |= inner[0]
                external |= inner[1]
        elif value[0] == "ext":
            external.add(value[1])
    return found, external


def _instances(
    solver: Solver, tested: tuple[set[ClassId], set[str]], positive: bool, values: Answer, *, is_type: bool
) -> Answer:
    real, external = tested
    result: Answer = {}
    for value, evidence in values.items():
        cls = type_object(value) if is_type else class_of(value)
        related = cls is not None and any(base in solver.classes.mro(cls) for base in real)
        if related:
            kept = positive
        elif not positive:
            kept = True
        elif cls is not None:
            # A superclass that may turn out to be a tested class: that one is added in its place.
            kept = any(_may_be(solver, cls, each) for each in external) or not (real or external)
        else:
            kept = value != NONE and (bool(external) or not real)
        if kept:
            result[value] = evidence
    for each in sorted(real) if positive else ():
        add(result, ("cls", each) if is_type else ("inst", each, ()), note="isinstance")
    return result


def _may_be(solver: Solver, cls: ClassId, external: str) -> bool:
    """Whether an instance of a project class can pass a test for an external one."""
    if external not in _DATA:
        return True
    return any(not solver.classes.external_bases(heir) <= _PLAIN for heir in solver.classes.subclasses(cls))


def _compared(solver: Solver, module: str, source: int, node: list[Any], positive: bool, values: Answer) -> Answer:
    sign = node[1][0]
    left, right = node[2]
    if sign in ("is", "==", "is not", "!="):
        equal = (sign in ("is", "==")) == positive
        for mine, other in ((left, right), (right, left)):
            if _same(solver, module, mine, source):
                constant = solver.project.node((module, other))
                if constant[0] == "const" and constant[1] == "none":
                    return {
                        value: each
                        for value, each in values.items()
                        if (value == NONE) == equal
                        or (equal and value[0] not in ("inst", "self", "cls", "cont", "const", "enum", "bm", "fn"))
                    }
                if not _exact(solver, module, other):
                    return values
                if equal:
                    return _equal(solver, ("n", module, other), values)
                return _unequal(solver, ("n", module, other), values)
        typed = solver.project.node((module, left))
        asks = typed[0] == "call" and typed[2] and "builtins.type" in solver.names.dotted((module, typed[1]))
        if asks and _same(solver, module, typed[2][0], source):
            return _instances(solver, _classes(solver, ("n", module, right), 2), equal, values, is_type=False)
    for mine, other, ordered in ((left, right, _ORDERED), (right, left, _MIRRORED)):
        if sign in ordered and _same(solver, module, mine, source):
            bound = solver.project.node((module, other))
            if bound[:2] == ["const", "int"]:
                return {
                    value: each
                    for value, each in values.items()
                    if value[:2] != ("const", "int") or ordered[sign](value[2], bound[2]) == positive
                }
    return values


def _exact(solver: Solver, module: str, number: int) -> bool:
    """Whether an expression is a constant or a member of a class: what is known of others need not be all."""
    node = solver.project.node((module, number))
    if node[0] == "attr":
        return any(type_object(value) is not None for value in solver.get(("n", module, node[1])))
    return bool(node[0] == "const")


def _equal(solver: Solver, key: Key, values: Answer) -> Answer:
    """`x == c`: enum members and constants other than c are out; if c is exact and fits, it is what x is."""
    wanted = {value for value in solver.get(key) if value[0] in ("enum", "const")}
    if not wanted:
        return values
    return {value: each for value, each in values.items() if value[0] not in ("enum", "const") or value in wanted}


def _unequal(solver: Solver, key: Key, values: Answer) -> Answer:
    wanted = {value for value in solver.get(key) if value[0] in ("enum", "const")}
    if len(wanted) != 1:
        return values
    return {value: each for value, each in values.items() if value not in wanted}


def _pattern(solver: Solver, module: str, pattern: Any, positive: bool, values: Answer) -> Answer:
    if not pattern or pattern[0] not in _MATCHED:
        return values
    kind = pattern[0]
    if kind == "class":
        if not positive and (pattern[2] or pattern[3]):
            return values
        classes = _classes(solver, ("n", module, pattern[1]), 2)
        return _instances(solver, classes, positive, values, is_type=False)
    if kind == "value":
        key: Key = ("n", module, pattern[1])
        node = solver.project.node((module, pattern[1]))
        if node[0] == "const" and node[1] == "none":
            return {value: each for value, each in values.items() if (value == NONE) == positive}
        return _equal(solver, key, values) if positive else _unequal(solver, key, values)
    if kind == "or":
        if positive:
            united: Answer = {}
            for sub in pattern[1]:
                for value, evidence in _pattern(solver, module, sub, True, values).items():
                    add(united, value, evidence.grade, evidence.note, evidence.source, evidence.value)
            return united
        for sub in pattern[1]:
            values = _pattern(solver, module, sub, False, values)
        return values
    if kind == "capture":
        if pattern[1] is not None:
            return _pattern(solver, module, pattern[1], positive, values)
        return values if positive else {}
    return values
