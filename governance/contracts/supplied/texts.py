"""Texts: the literals that an expression may be, read off as it is written.

Names of variables, of constants and of fields are followed to what they are bound to; calls are not, but for those
that give an argument back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import Index

_WITH_DEFAULT: Final = {"get": 1, "pop": 1, "setdefault": 1, "getenv": 1, "next": 1, "getattr": 2}
"""Calls that fall back to an argument: its position."""
_DECLARING: Final = frozenset("Field Query Form Header Body Cookie Path Param Option Argument attrib ib".split())
"""Calls that declare a field or a parameter; the first argument is its default."""
_SAME: Final = {"str": 0, "cast": 1, "deepcopy": 0, "copy": 0, "intern": 0}
"""Functions that give an argument back: its position."""
_TRIMMED: Final = frozenset("strip lstrip rstrip lower upper casefold title capitalize swapcase".split())
"""Methods of a text that make no other choice of it."""


def texts(index: Index, start: Ref) -> Iterator[tuple[Ref, str, bool]]:
    """(place, text, whether something else comes first) of each; a constant is reported where its name is used."""
    todo: list[tuple[Ref, Ref | None, bool]] = [(start, None, False)]
    seen: set[tuple[Ref, Ref | None, bool]] = set()
    while todo:
        step = todo.pop()
        if step in seen or step[0][1] < 0:
            continue
        seen.add(step)
        ref, used, falls_back = step
        text = _literal(index, ref)
        if text is not None:
            if text:
                yield used or ref, text, falls_back
        elif index.project.node(ref)[0] in ("free", "attr", "sub"):
            todo += [(each, used or ref, falls_back) for each in _constants(index, ref)]
        else:
            parts = [*_parts(index, ref)]
            if index.project.node(ref)[0] == "local" and index.project.owner(ref)[1] == 0:
                used = used or ref  # a constant that stands in the same module, as the default of a parameter
            todo += [(each, used, falls_back or later) for each, later in reversed(parts)]


def _literal(index: Index, ref: Ref) -> str | None:
    """A text that is written out, perhaps in pieces; None for anything else."""
    found, todo = "", [ref[1]]
    while todo:
        node = index.project.node((ref[0], todo.pop()))
        if node[:2] == ["const", "str"]:
            found += node[2]
        elif node[0] == "fstring":
            todo += reversed(node[1])
        elif node[:2] == ["binary", "+"]:
            todo += (node[3], node[2])
        else:
            return None
    return found


def _parts(index: Index, ref: Ref) -> Iterator[tuple[Ref, bool]]:
    """What an expression may give, and whether only if something else gives nothing."""
    module = ref[0]
    node = index.project.node(ref)
    op = node[0]
    if op == "or":
        yield from (((module, each), position > 0) for position, each in enumerate(node[1]))
    elif op == "and":
        yield (module, node[1][-1]), True
    elif op == "ifexp":
        chosen = any(index.project.node((module, each))[0] != "const" for each in node[2:])
        yield from (((module, each), chosen) for each in node[2:])
    elif op in ("annotated", "local"):
        yield (module, node[2]), False
    elif op == "narrow":
        yield (module, node[1]), False
    elif op == "phi":
        yield from (((module, each), False) for each in node[1])
    elif op == "param":
        yield (module, index.project.scope((module, node[1])).params[node[2]].default), True
    elif op == "item":
        yield from ((each, False) for each in _elements(index, (module, node[1])))
    elif op == "unpack":
        yield from ((each, False) for each in _unpacked(index, module, node))
    elif op == "call":
        yield from _called(index, module, node)


def _called(index: Index, module: str, node: Node) -> Iterator[tuple[Ref, bool]]:
    """What a call gives back of its arguments, and what it gives when it finds nothing."""
    callee = index.project.node((module, node[1]))
    name, given = index.project.last_name((module, node[1])) or "", node[2]
    if callee[0] == "attr" and name in _TRIMMED:
        yield (module, callee[1]), False
    elif name in _SAME:
        yield from (((module, each), False) for each in given[_SAME[name] :][:1])
    elif name in _WITH_DEFAULT:
        yield from (((module, each), True) for each in given[_WITH_DEFAULT[name] :][:1])
    elif name in _DECLARING:
        yield from (((module, each), True) for each in given[:1])
    for keyword, value in node[3]:
        if keyword == "default":
            yield (module, value), True
        elif keyword == "default_factory":
            for entity in index.names.resolve((module, value)):
                if entity[0] == "fn":
                    yield from (((entity[1][0], each), True) for each in index.project.scope(entity[1]).results)


def _elements(index: Index, ref: Ref) -> list[Ref]:
    """What stands in a display: of a tuple, list or set, or the keys of a dictionary."""
    found: list[Ref] = []
    for entity in index.names.resolve(ref):
        if entity[0] == "node":
            node = index.project.node((entity[1], entity[2]))
            if node[0] in ("tuple", "list", "set"):
                found += [(entity[1], each) for each in node[1]]
            elif node[0] == "dict":
                found += [(entity[1], key) for key, _ in node[1]]
    return found


def _unpacked(index: Index, module: str, node: Node) -> Iterator[Ref]:
    """The element of a display that unpacking it gives, or unpacking those that it consists of."""
    source = (module, node[1])
    inner = index.project.node(source)
    sources = [source]
    if inner[0] == "item":
        sources = _elements(index, (module, inner[1]))
    elif inner[0] == "unpack":
        sources = [*_unpacked(index, module, inner)]
    for each in sources:
        elements = [] if node[3] else _elements(index, each)
        if -len(elements) <= node[2] < len(elements):
            yield elements[node[2]]


def _constants(index: Index, ref: Ref) -> Iterator[Ref]:
    """What a constant of a module or class is bound to; with `.value` a member of an enumeration; with a constant index
    an element or entry."""
    node = index.project.node(ref)
    if node[0] == "sub":
        yield from _indexed(index, ref[0], node)
        return
    for entity in index.names.resolve(ref):
        if entity[0] == "node":
            yield entity[1], entity[2]
    if node[0] == "attr" and node[2] == "value":
        yield ref[0], node[1]
    elif node[0] == "attr" and (cls := index.project.owning_class(index.project.owner(ref))):
        base = index.project.node((ref[0], node[1]))
        own = index.project.node((ref[0], base[2])) if base[0] == "local" and base[2] >= 0 else base
        found = index.classes.lookup(cls, node[2]) if own[0] == "param" and own[2] == 0 else None
        yield from found[1] if found else ()


def _indexed(index: Index, module: str, node: Node) -> Iterator[Ref]:
    """The element or entry of a display that a constant index gives."""
    key = index.project.node((module, node[2]))
    for entity in index.names.resolve((module, node[1])) if key[0] == "const" else ():
        if entity[0] != "node":
            continue
        held = index.project.node((entity[1], entity[2]))
        if held[0] in ("tuple", "list") and key[1] == "int" and key[2] < len(held[1]):
            yield entity[1], held[1][key[2]]
        elif held[0] == "dict":
            for at, value in held[1]:
                if at >= 0 and index.project.node((entity[1], at)) == key:
                    yield entity[1], value
