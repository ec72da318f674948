"""Keywords: what a function puts into its own `**kwargs` before it hands them on."""

from __future__ import annotations

from collections.abc import Iterator

from governance.index.graph import last_name
from governance.index.solver import Solver
from governance.index.texts import words
from governance.index.values import FunctionId, Key


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
            yield words(solver.get(("n", module, node[2]))), ("n", module, node[3])
    for call in project.calls_in(function):
        node = facts.nodes[call]
        callee = facts.nodes[node[1]]
        if callee[0] != "attr" or callee[2] not in ("setdefault", "update") or last_name(facts, callee[1]) != name:
            continue
        if not _is_it(solver, module, callee[1], element):
            continue
        if callee[2] == "setdefault" and len(node[2]) == 2:
            yield words(solver.get(("n", module, node[2][0]))), ("n", module, node[2][1])
        elif callee[2] == "update":
            yield from (([keyword], ("n", module, value)) for keyword, value in node[3] if keyword)
            for argument in node[2]:
                if facts.nodes[argument][0] == "dict":
                    for key, value in facts.nodes[argument][1]:
                        if key >= 0:
                            yield words(solver.get(("n", module, key))), ("n", module, value)


def _is_it(solver: Solver, module: str, base: int, element: Key) -> bool:
    return any(value[0] == "cont" and value[2][-1:] == (element,) for value in solver.get(("n", module, base)))
