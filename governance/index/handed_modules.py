"""Handed modules: modules that are used as values, by which their attributes can be replaced from anywhere.

`core.limit = 3` names the module, `patch(core)` hands it over, `import_module(name)` makes one. A module that is only
ever written in front of a dot can be reached in the first way alone: what is stored in it is found by names, and nobody
has to ask of every `x.limit = ...` in the project what x may be.
"""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index.names import Names
from governance.index.solver import Solver

_IMPORTERS: Final = ("import_module", "__import__")
_IMPORTS: Final = frozenset(("import", "import_as"))
_BEFORE_DOT: Final = frozenset(("attr", "store_attr", "delete_attr"))


def named_stores_are_all(solver: Solver, module: str) -> bool:
    """Whether whatever is stored in a module is stored by its name.

    A module that is imported while the program runs counts as handed if its name is spelled out in the project, or the
    beginning of its name where such an import stands.
    """
    if solver.handed is None:
        solver.handed = _handed(solver.names) | _imported(solver.names)
    return module not in solver.handed


def _handed(names: Names) -> frozenset[str]:
    """The modules whose names stand anywhere but in front of a dot."""
    project = names.project
    found: set[str] = set()
    for name, module in project.modules.items():
        facts = module.facts
        bound = {
            each
            for scope in facts.scopes
            for each, numbers in scope.bindings.items()
            if any(number >= 0 and _imports_module(names, (name, number)) for number in numbers)
        }
        todo: list[Ref] = []
        for number, node in enumerate(facts.nodes):
            if node[0] in ("local", "free") and node[1] in bound:
                todo.append((name, number))
        while todo:
            ref = todo.pop()
            modules = [entity[1] for entity in names.resolve(ref) if entity[0] == "mod"]
            users = project.users(ref) if modules else []
            before = [user for user in users if _stands_before_dot(project.node(user), ref[1])]
            todo += [user for user in before if project.node(user)[0] == "attr"]
            if modules and (len(before) < len(users) or not users):
                found.update(modules)
    return frozenset(found)


def _imports_module(names: Names, ref: Ref) -> bool:
    return names.project.node(ref)[0] in _IMPORTS and any(entity[0] == "mod" for entity in names.resolve(ref))


def _stands_before_dot(node: Node, number: int) -> bool:
    return node[0] in _BEFORE_DOT and node[1] == number and number not in node[3:4]


def _imported(names: Names) -> frozenset[str]:
    """The modules that may be imported by name, or looked up in `sys.modules`, while the program runs."""
    project = names.project
    places = {ref[0] for name in _IMPORTERS for ref in project.calls(name)}
    places |= {ref[0] for ref in project.attr_loads("modules") if "sys.modules" in names.dotted(ref)}
    if not places:
        return frozenset()
    found = {name for name in project.modules if name in places}
    begun: set[str] = set()
    for ref in project.nodes("const"):
        node = project.node(ref)
        if node[1] != "str" or "." not in node[2].strip():
            continue
        text = names.absolute(ref[0], len(node[2]) - len(node[2].lstrip(".")), node[2].lstrip(".")) or ""
        if text in project.modules and not _names_a_logger(names, ref):
            found.add(text)
        elif ref[0] in places and (text.endswith(".") or node[2] == "."):
            begun.update(text for user in project.users(ref) if _begins(project.node(user), ref[1]))
    return frozenset(found | {name for name in project.modules if name.startswith(tuple(begun))})


def _begins(node: Node, number: int) -> bool:
    """Whether a text is the beginning of a longer one: of an f-string or of a sum."""
    return bool(node[1][:1] == [number] if node[0] == "fstring" else node[0] == "binary" and node[2] == number)


def _names_a_logger(names: Names, ref: Ref) -> bool:
    """Whether all that is done with a text is to name a logger."""
    users = names.project.users(ref)
    return bool(users) and all(names.project.last_name(user) == "getLogger" for user in users)
