"""Asserts: the calls that `python -O` leaves out together with the test they stand in."""

from __future__ import annotations

from typing import Any

from governance.facts import Block
from governance.index.graph import operands

_THROUGH = frozenset(("local", "phi", "free", "function", "param"))


def left_out(nodes: list[list[Any]], body: Block) -> frozenset[int]:
    """The calls inside the tests of all assert statements of a function."""
    found: set[int] = set()
    todo: list[Any] = [body]
    while todo:
        part = todo.pop()
        if part and part[0] == "assert":
            _collect(nodes, part[2], found)
        todo += [inner for inner in part if isinstance(inner, list)]
    return frozenset(found)


def _collect(nodes: list[list[Any]], test: int, found: set[int]) -> None:
    todo, seen = [test], {test}
    while todo:
        number = todo.pop()
        if nodes[number][0] in _THROUGH:
            continue
        if nodes[number][0] == "call":
            found.add(number)
        for inner in operands(nodes[number]):
            if inner >= 0 and inner not in seen:
                seen.add(inner)
                todo.append(inner)
