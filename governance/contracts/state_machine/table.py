"""Table: what the program itself says about its moves, and whether it goes on saying so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from governance.contract import Broken, Ref, Report, Violation
from governance.contracts.state_machine.wording import where, words
from governance.findings import Grade
from governance.index import Index
from governance.paths.state_values import StateValues

_CHANGERS: Final = frozenset(("update", "setdefault", "pop", "popitem", "clear", "__setitem__", "__delitem__"))


def compare(index: Index, table: str, values: StateValues, report: Report) -> None:
    """Compare a table of the program, `pkg.mod:NAME`, with the transitions."""
    module, _, name = table.partition(":")
    definitions = index.names.definitions(module, name)
    if not definitions:
        message = f"the table {table} names nothing in this project"
        report.broken.append(Broken("table", table, message, index.suggest(table)))
        return
    report.violations.extend(_changes(index, definitions, table))
    ref = definitions[-1]
    node = index.project.node(ref)
    if node[0] == "annotated" and node[2] >= 0:
        ref = (ref[0], node[2])
        node = index.project.node(ref)
    if node[0] != "dict":
        text = f"{table} is no dict display that can be compared with transitions"
        report.violations.append(Violation("table-differs", text, Grade.DEFINITE, ref, subject=name))
        return
    found: dict[str, frozenset[str]] = {}
    for key, value in node[1]:
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


def _changes(index: Index, definitions: Sequence[Ref], table: str) -> Iterator[Violation]:
    """Where a table that is declared is changed afterwards."""
    name = table.rpartition(":")[2]
    places = [(ref, (ref[0], index.project.node(ref)[1])) for ref in index.project.item_stores(name)]
    for each in sorted(_CHANGERS):
        for call in index.project.calls(each):
            callee = index.project.node((call[0], index.project.node(call)[1]))
            if callee[0] == "attr" and index.project.last_name((call[0], callee[1])) == name:
                places.append((call, (call[0], callee[1])))
    for ref, base in places:
        if _is_table(index, base, frozenset(definitions)):
            text = f"{table} is changed in {where(index, ref)}"
            yield Violation("table-differs", text, Grade.DEFINITE, ref, subject=name)


def _is_table(index: Index, base: Ref, definitions: frozenset[Ref]) -> bool:
    module, node = base[0], index.project.node(base)
    if node[0] == "attr":
        owners = [entity[1] for entity in index.names.resolve((module, node[1])) if entity[0] == "mod"]
        return any(not definitions.isdisjoint(_declared(index, owner, node[2])) for owner in owners)
    if node[0] == "local" and index.project.scope(index.project.owner(base)).kind != "module":
        return False
    return node[0] in ("local", "free") and not definitions.isdisjoint(_declared(index, module, node[1]))


def _declared(index: Index, module: str, name: str, depth: int = 8) -> Iterator[Ref]:
    """The definitions of a name of a module, those that it imports followed to where they are."""
    for ref in index.names.definitions(module, name):
        node = index.project.node(ref)
        home = index.names.absolute(module, node[1], node[2] or "") if node[0] == "import" and node[3] else None
        if home is not None and depth:
            yield from _declared(index, home, node[3], depth - 1)
        else:
            yield ref
