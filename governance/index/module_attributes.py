"""Module attributes: what a name means that is looked up in a module from outside."""

from __future__ import annotations

from governance.index import handed_modules, stores, typing_forms
from governance.index.solver import DEFINITE, POSSIBLE, PROBABLE, Answer, Evidence, Solver, add
from governance.index.values import FunctionId, Key


def of_module(solver: Solver, module: str, name: str, out: Answer, grade: int = DEFINITE) -> None:
    """A module's attribute: its definition, a submodule, or a name from an external star import."""
    solver.copy(("glob", module, name), out, "module attribute", grade)


def rule_global(solver: Solver, key: Key, out: Answer) -> None:
    """("glob", module, name)."""
    _, module, name = key
    names = solver.names
    definitions = names.definitions(module, name)
    for ref in definitions:
        solver.copy(("n", *ref), out, "defined")
    if definitions:
        home = solver.project.modules[definitions[0][0]].facts.scopes[0]
        written = home.annotations.get(name)
        if written is not None:
            typing_forms.concrete(solver, ("t", definitions[0][0], written, ()), out, "annotation")
    if not definitions:
        dotted = f"{module}.{name}"
        if names.module(dotted)[0] == "mod":
            add(out, ("mod", dotted), note="submodule")
        elif module in solver.project.modules:
            for star in names.external_stars(module):
                add(out, ("ext", f"{star}.{name}"), note="star import")
            lazy = solver.project.child((module, 0), "__getattr__")
            if lazy is not None and not name.startswith("__"):
                _lazily(solver, lazy, name, out)
    if handed_modules.named_stores_are_all(solver, module):
        for store in names.module_stores.get((module, name), ()):
            stored: Key = ("n", store[0], solver.project.node(store)[3])
            solver.copy(stored, out, "stored in module", PROBABLE)
    else:
        stores.copy(solver, ("mod", module), name, out, "stored in module", PROBABLE)


def _lazily(solver: Solver, lazy: FunctionId, name: str, out: Answer) -> None:
    """What a module's own `__getattr__` gives for a name; of several classes and functions that of the same name."""
    scope = solver.project.scope(lazy)
    if scope.params:
        solver.contribute(("param", *lazy, 0), ("const", "str", name), Evidence(DEFINITE, "name", None, None))
    key: Key = ("ret", *lazy)
    # A single result is what every name gives, unless it is looked up by the name.
    only = len(scope.results) == 1 and solver.project.node((lazy[0], scope.results[0]))[0] not in ("call", "sub")
    for value, evidence in solver.get(key).items():
        shown = str(value[1]).rpartition(".")[2] if value[0] in ("mod", "ext") else ""
        if value[0] in ("cls", "fn"):
            shown = solver.project.scope(value[1]).name
        sure = only or shown == name or (not shown and len(scope.results) == 1)
        add(out, value, min(evidence.grade, PROBABLE if sure else POSSIBLE), "__getattr__", key, value)
