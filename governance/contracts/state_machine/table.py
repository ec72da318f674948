"""Table: what the program itself says about its moves, and whether it goes on saying so."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from governance.contract import Broken, Ref, Report, Violation
from governance.contracts.state_machine.wording import where, words
from governance.findings import Grade
from governance.index import Index
from governance.index.names import Entity
from governance.paths import tables
from governance.paths.state_values import States, StateValues

_CHANGERS: Final = frozenset(
    "update setdefault pop popitem clear __setitem__ __delitem__ __ior__ add discard remove append extend insert"
    " difference_update intersection_update symmetric_difference_update".split()
)
"""Methods that change a table, or what it holds."""
_ENTRIES: Final = frozenset(("get", "setdefault", "__getitem__"))
_STEPS: Final = 20


def compare(index: Index, table: str, values: StateValues, report: Report) -> None:
    """Compare a table of the program, `pkg.mod:NAME`, with the transitions."""
    module, _, name = table.partition(":")
    declared = _declared(index, index.names.member(module, name))
    if not declared:
        message = f"the table {table} names nothing in this project"
        report.broken.append(Broken("table", table, message, index.suggest(table)))
        return
    for place in _changes(index, frozenset(declared)):
        text = f"{table} is changed in {where(index, place)}"
        report.violations.append(Violation("table-differs", text, Grade.DEFINITE, place, subject=name))
    displays = (tables.written(index.project, each) for each in declared if index.project.owner(each)[1] == 0)
    ref = next((each for each in displays if index.project.node(each)[0] == "dict"), None)
    if ref is None:
        text = f"{table} is no dict display that can be compared with transitions"
        report.violations.append(Violation("table-differs", text, Grade.DEFINITE, declared[0], subject=name))
        return
    found: dict[str, States] = {}
    for key, value in index.project.node(ref)[1]:
        for state in (values.of((ref[0], key)) if key >= 0 else None) or ():
            found[state] = values.elements((ref[0], value)) or frozenset()
    wanted = {state: frozenset(targets) for state, targets in values.transitions.items()}
    nothing = frozenset[str]()
    wrong = sorted(
        state for state in wanted.keys() | found.keys() if found.get(state, nothing) != wanted.get(state, nothing)
    )
    if wrong:
        shown = "; ".join(
            f"{state}: {words(found.get(state, nothing))} there, {words(wanted.get(state, nothing))} here"
            for state in wrong[:3]
        )
        text = f"{table} says otherwise than transitions: {shown}"
        report.violations.append(Violation("table-differs", text, Grade.DEFINITE, ref, subject=name))


def _declared(index: Index, entities: Collection[Entity]) -> list[Ref]:
    """The definitions of a table, those of a module first: as it is named, behind `x: T =`, `|=` and a view of it."""
    found: dict[Ref, None] = {}
    todo = list(entities)
    while todo:
        entity = todo.pop(0)
        ref = (str(entity[1]), int(entity[2])) if entity[0] == "node" else None
        if ref is None or ref in found:
            continue
        found[ref] = None
        node = index.project.node(ref)
        inner = node[2] if node[0] in ("annotated", "augmented") else -1
        if node[0] == "call" and len(node[2]) == 1:
            inner = node[2][0] if index.project.last_name((ref[0], node[1])) == "MappingProxyType" else -1
        if inner >= 0:
            todo += index.names.resolve((ref[0], inner))
    return sorted(found, key=lambda each: index.project.owner(each)[1] != 0)


def _changes(index: Index, declared: frozenset[Ref]) -> Iterator[Ref]:
    """Where a table that is declared is changed afterwards, or another one is put in its place."""
    project = index.project
    for ref in (*project.nodes("store_item"), *project.nodes("delete_item")):
        if _is_table(index, (ref[0], project.node(ref)[1]), declared):
            yield ref
    for each in sorted(_CHANGERS):
        for call in project.calls(each):
            callee = project.node((call[0], project.node(call)[1]))
            if callee[0] == "attr" and _is_table(index, (call[0], callee[1]), declared):
                yield call
    for ref in project.nodes("augmented"):
        old = project.node(ref)[2]
        if old >= 0 and project.node((ref[0], old))[0] != "sub" and _is_table(index, (ref[0], old), declared):
            yield ref
    for (module, name), stores in index.names.module_stores.items():
        replaced = not declared.isdisjoint(_declared(index, index.names.member(module, name)))
        yield from (
            ref for ref in stores if replaced and project.node((ref[0], project.node(ref)[3]))[0] != "augmented"
        )
    yield from (ref for ref in declared if project.owner(ref)[1] != 0)


def _is_table(index: Index, base: Ref, declared: frozenset[Ref]) -> bool:
    """Whether an expression is the table or one of its entries."""
    for _ in range(_STEPS):
        node = index.project.node(base)
        callee = index.project.node((base[0], node[1])) if node[0] == "call" else node
        if node[0] == "local" and node[2] >= 0:
            base = (base[0], node[2])
        elif node[0] in ("narrow", "sub"):
            base = (base[0], node[1])
        elif callee is not node and callee[0] == "attr" and callee[2] in _ENTRIES:
            base = (base[0], callee[1])
        else:
            break
    return not declared.isdisjoint(_declared(index, index.names.resolve(base)))
