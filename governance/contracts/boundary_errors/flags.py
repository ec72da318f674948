"""Flags: what a test says of the other parts of a result: `value` is a failure's after `ok, value = f()`, `if not ok:`.

A place is found by the order of the nodes, which are numbered as they stand in the source.
"""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors import given_results
from governance.contracts.boundary_errors.application import all_steps
from governance.facts import Block, Node
from governance.index import Index
from governance.index.callees import Callee
from governance.paths.tracked import blocks

_ENDING: Final = frozenset(("return", "raise", "continue", "break"))


def possible(
    index: Index, load: Ref, whole: Ref, call: Node, results: list[tuple[Callee, Ref]]
) -> list[tuple[Callee, Ref]]:  # fmt: skip
    """Those of the results of a call, perhaps awaited and taken apart, that a name can hold where it is loaded."""
    for user in index.project.users(whole):
        part = index.project.node(user)
        if part[0] != "unpack" or part[3]:
            continue
        flags = given_results.elements(index, whole[0], call, part[2]) or []
        known = [_flag(index.project.node(ref)) for _, ref in flags]
        if len(known) != len(results) or set(known) != {True, False}:
            continue
        body = index.project.scope(index.project.owner(load)).body
        decided = _decided(index.project.modules[load[0]].facts.nodes, body, load[1], user[1])
        if decided is not None:
            return [result for result, flag in zip(results, known, strict=True) if flag == decided]
    return results


def _flag(node: Node) -> bool | None:
    return bool(node[2]) if node[:2] == ["const", "bool"] else None


def _decided(nodes: list[Node], block: Block, load: int, flag: int) -> bool | None:
    """What the tests around and before a place say of a flag."""
    found: bool | None = None
    for step in block:
        if step[0] != "if":
            inner = next((each for each in blocks(step) if load <= _end(each)), None)
            if inner is not None:
                return _first(_decided(nodes, inner, load, flag), found)
            continue
        _, test, then, other = step
        says = _says(nodes, test, flag)
        middle, end = max(_end(then), test), max(_end(then), _end(other), test)
        if test < load <= middle:
            return _first(_decided(nodes, then, load, flag), says, found)
        negated = None if says is None else not says
        if middle < load <= end:
            return _first(_decided(nodes, other, load, flag), negated, found)
        if load > end and then and then[-1][0] in _ENDING:
            found = _first(negated, found)
        elif load > end and other and other[-1][0] in _ENDING:
            found = _first(says, found)
    return found


def _says(nodes: list[Node], test: int, flag: int) -> bool | None:
    """What a test that came out true says of a flag."""
    node = nodes[test]
    if node[0] == "not":
        inner = _says(nodes, node[1], flag)
        return None if inner is None else not inner
    return True if node[0] == "local" and node[2] == flag else None


def _end(block: Block) -> int:
    """The last node of a block."""
    return max((each for step in all_steps(block) for each in step if isinstance(each, int)), default=-1)


def _first(*answers: bool | None) -> bool | None:
    return next((each for each in answers if each is not None), None)
