"""Tracked variables: which names and places of a function are worth following path by path.

Those are the ones a test looks at, and those a test in a called function may look at; everything else would only
multiply states.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from governance.facts import Block, ModuleFacts, Scope
from governance.index import graph

_LIMIT: Final = 12
_DECIDED: Final = frozenset(("bool", "none", "str", "int"))


def tracked(facts: ModuleFacts, number: int) -> frozenset[object]:
    """Keys of the places to follow in a function: names, ("item", name, constant), ("attr", name, attribute), and
    ("call", node) for what a call gives."""
    scope = facts.scopes[number]
    found: dict[object, None] = {}
    for inner in _with_nested(facts, number):
        for test in tests(facts.scopes[inner].body):
            for key in _keys(facts, test, 6):
                found[key] = None
    flags = _flags(facts, scope)
    for name in _handed_on(facts, number) if flags else ():  # this looks at the whole module
        if name in flags:
            found[name] = None
    for node in scope.results:
        if facts.nodes[node][0] in ("call", "await", "local"):
            for key in _keys(facts, node, 2):
                if not isinstance(key, str) or key in flags:
                    found[key] = None
    for _ in range(3):
        for name in [key for key in found if isinstance(key, str)]:
            for definition in scope.bindings.get(name, ()):
                for key in _keys(facts, definition, 3) if definition >= 0 else ():
                    if isinstance(key, str | tuple) and len(found) < _LIMIT:
                        found[key] = None
    return frozenset(list(found)[: 2 * _LIMIT])


def _with_nested(facts: ModuleFacts, number: int) -> Iterator[int]:
    inside = {number}
    yield number
    for other, scope in enumerate(facts.scopes):
        if scope.parent in inside and other not in inside:
            inside.add(other)
            yield other


def tests(block: Block) -> Iterator[int]:
    """The nodes that decide which way a block goes."""
    for step in block:
        kind = step[0]
        if kind in ("if", "assert"):
            yield step[1] if kind == "if" else step[2]
        elif kind == "loop" and step[3] >= 0:
            yield step[3]
        elif kind == "match":
            yield step[2]
            for case in step[3]:
                if case[2] >= 0:
                    yield case[2]
        for inner in blocks(step):
            yield from tests(inner)


def blocks(step: list[Any]) -> Iterator[Block]:
    """The blocks inside a step, in order."""
    kind = step[0]
    if kind == "if":
        yield step[2]
        yield step[3]
    elif kind == "loop":
        yield step[2]
        yield step[4]
        yield step[5]
    elif kind == "try":
        yield step[2]
        for handler in step[3]:
            yield handler[2]
        yield step[4]
        yield step[5]
    elif kind == "with":
        yield step[3]
    elif kind == "match":
        for case in step[3]:
            yield case[1]
            yield case[3]
    elif kind == "assert":
        yield step[3]


def _keys(facts: ModuleFacts, node: int, depth: int) -> Iterator[object]:
    if node < 0 or depth == 0:
        return
    fact = facts.nodes[node]
    op = fact[0]
    if op in ("local", "free"):
        yield fact[1]
    elif op == "narrow":
        yield from _keys(facts, fact[1], depth - 1)
    elif op in ("attr", "sub"):
        key = place_key(facts, node)
        if key is not None:
            yield key
        if op == "attr" and _comes_of_a_call(facts, fact[1]):
            yield from _keys(facts, fact[1], depth - 1)
    elif op == "await":
        yield from _keys(facts, fact[1], depth - 1)
    elif op in ("not", "and", "or", "compare", "ifexp", "matches", "unpack", "tuple", "annotated"):
        for operand in graph.operands(fact):
            yield from _keys(facts, operand, depth - 1)
    elif op == "call":
        yield ("call", node)
        callee = facts.nodes[fact[1]]
        if callee[0] == "attr" and callee[2] == "get" and _comes_of_a_call(facts, callee[1]):
            yield from _keys(facts, callee[1], depth - 1)
        for argument in fact[2]:
            yield from _keys(facts, argument, depth - 1)


def _comes_of_a_call(facts: ModuleFacts, node: int) -> bool:
    """Whether a name holds what a call gave: its attributes may tell how that went."""
    fact = facts.nodes[node]
    while fact[0] in ("narrow", "local", "annotated", "await") and fact[-1] != -1:
        fact = facts.nodes[fact[1] if fact[0] in ("narrow", "await") else fact[2]]
        if fact[0] == "call":
            return True
    return False


def place_key(facts: ModuleFacts, node: int) -> object | None:
    """("attr", name, attribute) or ("item", name, constant) for such an expression on a plain name."""
    fact = facts.nodes[node]
    base = facts.nodes[fact[1]]
    while base[0] == "narrow":
        base = facts.nodes[base[1]]
    if base[0] not in ("local", "free"):
        return None
    if fact[0] in ("attr", "store_attr", "delete_attr"):
        return ("attr", base[1], fact[2])
    index = facts.nodes[fact[2]]
    if index[0] == "const" and index[2] is not None:
        return ("item", base[1], index[2])
    return None


def _flags(facts: ModuleFacts, scope: Scope) -> set[str]:
    """Names that hold a plain constant at some point."""
    return {
        name
        for name, definitions in scope.bindings.items()
        for each in definitions
        if each >= 0 and _is_constant(facts, each)
    }


def _is_constant(facts: ModuleFacts, node: int) -> bool:
    fact = facts.nodes[node]
    if fact[0] == "annotated" and fact[2] >= 0:
        fact = facts.nodes[fact[2]]
    if fact[0] == "unpack":
        source = facts.nodes[fact[1]]
        if source[0] == "tuple" and not fact[3] and 0 <= fact[2] < len(source[1]):
            fact = facts.nodes[source[1][fact[2]]]
    return fact[0] == "const" and fact[1] in _DECIDED


def _handed_on(facts: ModuleFacts, number: int) -> Iterator[str]:
    """Names passed as arguments or read by nested functions."""
    inside = set(_with_nested(facts, number))
    for node, fact in enumerate(facts.nodes):
        if facts.owner[node] not in inside:
            continue
        if fact[0] == "call":
            for argument in (*fact[2], *(value for _, value in fact[3])):
                inner = facts.nodes[argument]
                if inner[0] in ("local", "free"):
                    yield inner[1]
        elif fact[0] == "free" and facts.owner[node] != number:
            yield fact[1]
