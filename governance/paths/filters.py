"""Filters: the states of the elements that a comprehension, or a function that returns one, lets through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from governance.facts import Block, Step
from governance.index.callees import run_by
from governance.paths.guards import inlined, refine
from governance.paths.handed import Handed
from governance.paths.known import ANY, Env, Known, ObjectKey, union
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
    if node[0] == "or":
        kept = [each for each in node[1] if not _is_nothing(typestate, each)]
        return union([passed(typestate, each, depth - 1) for each in kept]) if kept and depth else ANY
    if node[0] == "comp" and node[1] != "dict" and typestate.key(node[2]) == (typestate.module, node[4]):
        return _through(typestate, node[4])
    if node[0] != "call" or depth == 0:
        return ANY
    name = typestate.called_name(node)
    if node[2] and name in _KEEPING:
        return passed(typestate, node[2][0], depth - 1)
    if len(node[2]) == 2 and name == "filter":
        return _filtered(typestate, number, node[2][0])
    callees = typestate.index.callees((typestate.module, number))
    results = typestate.project.scope(callees[0].function).results if len(callees) == 1 else ()
    if len(results) != 1:
        return ANY
    outer = (typestate.module, typestate.scope)
    typestate.module, typestate.scope = callees[0].function
    found = passed(typestate, results[0], depth - 1)
    typestate.module, typestate.scope = outer
    return found


def _filtered(typestate: Typestate, number: int, test: int) -> Known:
    """What `filter(test, jobs)` says of each element."""
    found = run_by(typestate.index.solver, ("n", typestate.module, test))
    if len(found) != 1 or not typestate.project.scope(found[0].function).params:
        return ANY
    element: ObjectKey = (typestate.module, number)
    function = found[0].function
    params = typestate.project.scope(function).params
    position = 0 if found[0].receiver is None else 1
    if position >= len(params):
        return ANY
    given = Handed({(function[0], params[position].node): element})
    env = inlined(typestate, {}, function, given, True)
    return env.get(element, ANY) if env is not None else ANY


def _is_nothing(typestate: Typestate, number: int) -> bool:
    """`[]`, `[None]`, `()`, `(None,)`, `None`."""
    node = typestate.node_at(number)
    if node[0] in ("list", "tuple"):
        return all(_is_nothing(typestate, each) for each in node[1])
    return node[:2] == ["const", "none"]


def part(typestate: Typestate, number: int) -> Known:
    """What is known of the job in `for place, job in enumerate(...)` and in `job, *others = ...`."""
    node = typestate.node_at(number)
    item = typestate.node_at(node[1])
    if node[0] == "unpack" and item[0] != "item":
        return passed(typestate, node[1])
    call = typestate.node_at(item[1]) if node[0] == "unpack" and node[2] == 1 and item[0] == "item" else None
    if call is None or call[0] != "call" or not call[2] or typestate.called_name(call) != "enumerate":
        return ANY
    return passed(typestate, call[2][0])


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
