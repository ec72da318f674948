"""Tables: what the program's own tables say of the moves of an object, asked before a move or looked up for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.facts import Node
from governance.index.project import Project
from governance.paths.known import Known, Moves, ObjectKey
from governance.paths.reads import state_of

if TYPE_CHECKING:
    from governance.paths.state_values import States
    from governance.paths.typestate import Typestate

TRUSTED: Final[Moves] = frozenset()
"""A table whose entries are not known: it is taken to say what the contract says."""


def asked(typestate: Typestate, right: int) -> tuple[ObjectKey, Moves] | None:
    """The object that `right` in `new in right` is a table entry for (`TABLE[job.state]`), and the moves it allows."""
    node = _plain(typestate, right)
    table, index = -1, -1
    if node[0] == "sub":
        table, index = node[1], node[2]
    elif node[0] == "call" and node[2]:
        callee = typestate.node_at(node[1])
        table, index = (callee[1] if callee[0] == "attr" and callee[2] == "get" else -1), node[2][0]
    key = state_of(typestate, index) if index >= 0 else None
    if key is None:
        return None
    return key, _moves(typestate, table, each=True) if table >= 0 else TRUSTED


def moves(typestate: Typestate, value: int, key: ObjectKey, before: Known) -> Moves | None:
    """The moves a table lets an object make to a value; None if no table has to do with it."""
    for definition, allowed in before.asked:
        if definition == typestate.key(value):
            return allowed
    held = typestate.node_at(value)
    if held[0] == "local" and (together := dict(before.paired).get(held[1])):
        return together
    node = _plain(typestate, value)
    if node[0] == "sub" and state_of(typestate, node[2]) == key:
        return _moves(typestate, node[1], each=False) or None
    callee = typestate.node_at(node[1]) if node[0] == "call" and node[2] else node
    if callee[0] == "attr" and callee[2] == "get" and state_of(typestate, node[2][0]) == key:
        found = _moves(typestate, callee[1], each=False)
        others = typestate.values.of((typestate.module, node[2][1])) if len(node[2]) > 1 else frozenset[str]()
        rest = typestate.values.states - {one for one, _ in found}
        return found | {(one, to) for one in rest for to in others or ()} if found and others is not None else None
    return None


def _plain(typestate: Typestate, number: int) -> Node:
    for _ in range(20):
        node = typestate.node_at(number)
        following = node[2] if node[0] == "local" else node[1] if node[0] == "narrow" else -1
        if following < 0:
            break
        number = following
    return typestate.node_at(number)


def _moves(typestate: Typestate, table: int, *, each: bool) -> Moves:
    """The pairs of states that dict displays hold: under a state another one, or a container of them."""
    found: set[tuple[str, str]] = set()
    for module, site in _displays(typestate, table):
        display = typestate.project.node((module, site))
        if display[0] != "dict":
            return TRUSTED
        for name, entry in display[1] if display[0] == "dict" else ():
            for state in (typestate.values.of((module, name)) if name >= 0 else None) or ():
                targets = _targets(typestate, (module, entry), each=each)
                if targets is None:
                    return TRUSTED
                found |= {(state, to) for to in targets}
    return frozenset(found)


def _displays(typestate: Typestate, table: int) -> list[Ref]:
    """What a table is written as: where its type is declared, that is found by its name."""
    index = typestate.index
    values = list(index.values((typestate.module, table)))
    if values and all(value[:2] == ("cont", "dict") and value[2][1][0] == "dval" for value in values):
        return [value[2][1][1:] for value in values]
    refs: list[Ref] = [each[1:] for each in index.names.resolve((typestate.module, table)) if each[0] == "node"]
    node = typestate.node_at(table)
    if node[0] == "attr" and not refs:
        base = (typestate.module, node[1])
        owners = index.classes_of(base).keys() | index.type_objects(base).keys()
        found = [index.classes.lookup(cls, node[2]) for cls in sorted(owners)]
        refs = [ref for bound in found if bound is not None for ref in bound[1]]
    return [written(typestate.project, ref) for ref in refs]


def written(project: Project, ref: Ref) -> Ref:
    """The display in a definition: `TABLE: Final = MappingProxyType({...})`."""
    for _ in range(4):
        node = project.node(ref)
        if node[0] == "annotated" and node[2] >= 0:
            ref = (ref[0], node[2])
        elif node[0] == "call" and len(node[2]) == 1:
            ref = (ref[0], node[2][0])
        else:
            break
    return ref


def _targets(typestate: Typestate, entry: tuple[str, int], *, each: bool) -> States | None:
    if not each:
        return typestate.values.of(entry)
    if not typestate.index.elements(entry):
        node = typestate.project.node(entry)
        empty = node[0] in ("tuple", "list", "set") or (node[0] == "call" and not node[2])
        return frozenset() if empty else None
    return typestate.values.elements(entry)
