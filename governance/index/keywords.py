"""Keywords: what a `**kwargs` parameter holds under a name, and what a function puts into it before handing it on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.index import typing_forms
from governance.index.graph import last_name
from governance.index.solver import Answer, Solver, add_all
from governance.index.texts import words
from governance.index.values import FunctionId, Key, last_part

UNPACKED: Final = "unpacked argument"
"""The note of a link from what a call unpacks, `*xs` or `**options`, to what it reaches."""


def rule_keyword(solver: Solver, key: Key, out: Answer) -> None:
    """("keyword", module, scope, index, name): what calls pass under that name is told by links; to this comes what is
    passed on from other mappings, and what the function puts in itself."""
    *_, name = key
    element: Key = ("varargs", *key[1:4])
    solver.get(element)
    declared(solver, element, out, name)
    for source, (grade, note) in tuple(solver.sources.get(element, {}).items()):
        if note == UNPACKED:
            solver.copy(("keyword", *source[1:], name) if _holds(solver, source) else source, out, note, grade)
    add_all(out, solver.contributed.get(element, {}).items())
    for words_of, stored in put(solver, element):
        if name in words_of or not words_of:
            solver.copy(stored, out, "stored entry")


def declared(solver: Solver, element: Key, out: Answer, name: str | None = None) -> None:
    """What an annotation says of the values of a `*args` or `**kwargs` parameter: all of them, or the one of a name.

    `Unpack[Options]` says it of each field of that TypedDict.
    """
    _, module, number, index = element
    param = solver.project.scope((module, number)).params[index]
    if param.annotation < 0:
        return
    node = solver.project.node((module, param.annotation))
    unpacks = param.kind == "kwarg" and node[0] == "sub"
    if not (unpacks and any(last_part(each) == "Unpack" for each in solver.names.dotted((module, node[1])))):
        typing_forms.concrete(solver, ("t", module, param.annotation, ()), out, "annotation")
        return
    for value in solver.get(("t", module, node[2], ())):
        for cls in solver.classes.mro(value[1]) if value[0] == "inst" else ():
            for field, written in solver.project.scope(cls).annotations.items():
                if name in (None, field):
                    typing_forms.concrete(solver, ("t", cls[0], written, ()), out, "annotation of the field")


def _holds(solver: Solver, key: Key) -> bool:
    """Whether a key is that of the values of a `**kwargs` parameter."""
    return key[0] == "varargs" and solver.project.scope((key[1], key[2])).params[key[3]].kind == "kwarg"


def put(solver: Solver, element: Key) -> Iterator[tuple[list[str], Key]]:
    """`kw["k"] = v`, `kw.setdefault("k", v)`, `kw.update(k=v)`: names and the key of the value.

    element: ("varargs", module, scope, index), the key of the values of that mapping.
    """
    project = solver.project
    function: FunctionId = (element[1], element[2])
    module, name = element[1], project.scope(function).params[element[3]].name
    facts = project.modules[module].facts
    for ref in project.item_stores(name):
        node = project.node(ref)
        if ref[0] == module and node[0] == "store_item" and _is_it(solver, module, node[1], element):
            yield _names(solver, module, node[2]), ("n", module, node[3])
    for ref in project.nodes("augmented"):
        node = project.node(ref)
        if ref[0] == module and node[1].startswith("|") and node[2] >= 0 and _is_it(solver, module, node[2], element):
            yield from _entries(solver, module, node[3])
    for call in project.calls_within(function):
        node = facts.nodes[call]
        callee = facts.nodes[node[1]]
        if callee[0] != "attr" or callee[2] not in ("setdefault", "update") or last_name(facts, callee[1]) != name:
            continue
        if not _is_it(solver, module, callee[1], element):
            continue
        if callee[2] == "setdefault" and len(node[2]) == 2:
            yield _names(solver, module, node[2][0]), ("n", module, node[2][1])
        elif callee[2] == "update":
            yield from (([keyword], ("n", module, value)) for keyword, value in node[3] if keyword)
            for argument in node[2]:
                yield from _entries(solver, module, argument)


def _entries(solver: Solver, module: str, mapping: int) -> Iterator[tuple[list[str], Key]]:
    """What another mapping puts in, by name where it is written out."""
    node = solver.project.node((module, mapping))
    if node[0] == "dict":
        for key, value in node[1]:
            if key >= 0:
                yield _names(solver, module, key), ("n", module, value)
        return
    for held in solver.get(("n", module, mapping)):
        if held[:2] == ("cont", "dict"):
            yield [], held[2][1]


def _names(solver: Solver, module: str, key: int) -> list[str]:
    """The names that a key is; none if it is not written out: then it may be any."""
    node = solver.project.node((module, key))
    return words(solver.get(("n", module, key))) if node[0] == "const" else []


def _is_it(solver: Solver, module: str, base: int, element: Key) -> bool:
    return any(value[0] == "cont" and value[2][-1:] == (element,) for value in solver.get(("n", module, base)))
