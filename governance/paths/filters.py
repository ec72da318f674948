"""Filters: the states of the elements that a comprehension, or a function that returns one, lets through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from governance.facts import Block, Step
from governance.paths.guards import refine
from governance.paths.known import ANY, Env, Known
from governance.paths.tracked import blocks

if TYPE_CHECKING:
    from governance.paths.typestate import Typestate

_KEEPING: Final = frozenset(("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"))
_DEPTH: Final = 3


def passed(typestate: Typestate, number: int, depth: int = _DEPTH) -> Known:
    """What is known of each element of what an expression gives: `[job for job in jobs if job.state is NEW]`."""
    node = typestate.node_at(number)
    while node[0] in ("local", "narrow") and node[1 if node[0] == "narrow" else 2] >= 0:
        number = node[1 if node[0] == "narrow" else 2]
        node = typestate.node_at(number)
    if node[0] == "comp" and node[1] != "dict" and typestate.key(node[2]) == (typestate.module, node[4]):
        return _through(typestate, node[4])
    if node[0] != "call" or depth == 0:
        return ANY
    if node[2] and typestate.called_name(node) in _KEEPING:
        return passed(typestate, node[2][0], depth - 1)
    callees = typestate.index.callees((typestate.module, number))
    results = typestate.project.scope(callees[0].function).results if len(callees) == 1 else ()
    if len(results) != 1:
        return ANY
    outer = (typestate.module, typestate.scope)
    typestate.module, typestate.scope = callees[0].function
    found = passed(typestate, results[0], depth - 1)
    typestate.module, typestate.scope = outer
    return found


def _through(typestate: Typestate, item: int) -> Known:
    """What the conditions of the comprehension over an item say of it."""
    body = typestate.project.scope((typestate.module, typestate.scope)).body
    for loop in _loops(body):
        if loop[2] == [["next", item]]:
            env: Env | None = {}
            block = loop[4]
            while env is not None and block and block[-1][0] == "if" and not block[-1][3]:
                env = refine(typestate, env, block[-1][1], True)
                block = block[-1][2]
            return env.get((typestate.module, item), ANY) if env is not None else ANY
    return ANY


def _loops(body: Block) -> Iterator[Step]:
    for step in body:
        if step[0] == "loop" and step[1] == "comp":
            yield step
        for inner in blocks(step):
            yield from _loops(inner)
