"""Arguments: which expression of a call reaches which parameter or keyword, spread literals included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from governance.contract import Ref
from governance.facts import Node, Scope
from governance.index import Index

_DEPTH = 3


class Given(NamedTuple):
    """An argument. place: where the call writes it, which is not where its value stands when it is spread."""

    ref: Ref
    place: Ref


def positional(index: Index, call: Ref, skip: int = 0) -> Iterator[Given]:
    """Positional arguments in order, as far as their number is known."""
    for number in index.project.node(call)[2][skip:]:
        node = index.project.node((call[0], number))
        if node[0] != "star":
            yield Given((call[0], number), (call[0], number))
            continue
        spread = (call[0], node[1])
        inner = index.project.node(spread)
        if inner[0] in ("tuple", "list") and not any(_is_star(index, (call[0], each)) for each in inner[1]):
            for each in inner[1]:
                yield Given((call[0], each), (call[0], each))
            continue
        tuples = [value for value in index.values(spread) if value[:2] == ("cont", "tuple")]
        if len(tuples) != 1 or any(key[0] != "n" for key in tuples[0][2]):
            return
        for key in tuples[0][2]:
            yield Given((key[1], key[2]), spread)


def _is_star(index: Index, ref: Ref) -> bool:
    return bool(index.project.node(ref)[0] == "star")


def keywords(index: Index, call: Ref) -> Iterator[tuple[str, Given]]:
    """Keyword arguments, those of `**` mappings with constant keys included."""
    for name, number in index.project.node(call)[3]:
        ref = (call[0], number)
        if name is not None:
            yield name, Given(ref, ref)
        else:
            yield from entries(index, ref)


def entries(index: Index, ref: Ref, depth: int = _DEPTH) -> Iterator[tuple[str, Given]]:
    """Entries of a mapping with constant string keys. Literals in place are placed at the entry, others at `ref`."""
    node = index.project.node(ref)
    if node[0] in ("dict", "call") and _is_mapping(index, ref, node):
        for name, given in _written(index, ref, node, depth):
            yield name, given
        return
    if depth == 0:
        return
    for value in index.values(ref):
        if value[:2] == ("cont", "dict") and value[2][1][0] == "dval":
            made = (value[2][1][1], value[2][1][2])
            for name, given in _written(index, made, index.project.node(made), depth):
                yield name, Given(given.ref, ref)
            for name, given in _stored(index, made):
                yield name, Given(given.ref, ref)


def _is_mapping(index: Index, ref: Ref, node: Node) -> bool:
    return node[0] == "dict" or bool(index.externals(ref) & {"builtins.dict", "collections.OrderedDict"})


def _written(index: Index, ref: Ref, node: Node, depth: int) -> Iterator[tuple[str, Given]]:
    if node[0] == "dict":
        for key, value in node[1]:
            given = Given((ref[0], value), (ref[0], value))
            if key < 0:
                yield from entries(index, given.ref, depth - 1)
            for name in strings(index, (ref[0], key)) if key >= 0 else ():
                yield name, given
    elif node[0] == "call":
        for each in node[2]:
            yield from entries(index, (ref[0], each), depth - 1)
        for name, value in node[3]:
            if name is not None:
                yield name, Given((ref[0], value), (ref[0], value))
            else:
                yield from entries(index, (ref[0], value), depth - 1)


def _stored(index: Index, made: Ref) -> Iterator[tuple[str, Given]]:
    """`options["state"] = x` after the mapping was made."""
    for name in index.project.site_names(made):
        for store in index.project.item_stores(name):
            node = index.project.node(store)
            same = any(
                value[:2] == ("cont", "dict") and value[2][1] == ("dval", *made)
                for value in index.values((store[0], node[1]))
            )
            if same:
                for key in strings(index, (store[0], node[2])):
                    yield key, Given((store[0], node[3]), (store[0], node[3]))


def strings(index: Index, ref: Ref) -> list[str]:
    """The constant strings a node may be."""
    node = index.project.node(ref)
    if node[0] == "const":
        return [node[2]] if node[1] == "str" else []
    return [value[2] for value in index.values(ref) if value[:2] == ("const", "str")]


def kept(index: Index, call: Ref) -> int:
    """How many positional arguments the partial that is called has taken already."""
    for value in index.values((call[0], index.project.node(call)[1])):
        if value[0] == "partial":
            return len(index.project.node((value[1], value[2]))[2]) - 1
    return 0


def to_parameters(index: Index, call: Ref, scope: Scope, taken: int, skip: int = 0) -> Iterator[tuple[int, Given]]:
    """(position of the parameter, argument). taken: so many leading parameters are taken (by the receiver);
    skip: so many positional arguments of the call are not the function's (the function itself in `submit(f, x)`)."""
    takers = [number for number, each in enumerate(scope.params) if each.kind in ("positional", "normal")]
    names = {each.name: number for number, each in enumerate(scope.params) if each.kind in ("normal", "keyword")}
    for order, given in enumerate(positional(index, call, skip), start=taken):
        if order < len(takers):
            yield takers[order], given
    for name, given in keywords(index, call):
        if name in names:
            yield names[name], given
