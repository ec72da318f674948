"""Reaching: which calls and decorators may reach a function, by the names it goes by and how near they lie."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from governance.contract import Ref
from governance.index import graph
from governance.index.project import Project
from governance.index.solver import Answer, Evidence, Solver
from governance.index.values import Key, Value

CANDIDATES: Final = 400
"""Of more calls by one name, or of variables, only the nearest are followed: reported as widened."""


class Tables:
    """What is looked up by name and by nearness; made on first use."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._near: dict[str, dict[str, list[Ref]]] = {}

    @cached_property
    def decorations(self) -> dict[str, list[Ref]]:
        """Definitions with a decorator, by the name that it goes by, "" for variables and other expressions."""
        result: defaultdict[str, list[Ref]] = defaultdict(list)
        for ref in self._project.decorations:
            facts = self._project.modules[ref[0]].facts
            for decorator in facts.scopes[facts.nodes[ref[1]][1]].decorators:
                node = facts.nodes[decorator]
                while node[0] == "call":
                    node = facts.nodes[node[1]]
                if node[0] == "attr":
                    result[node[2]].append(ref)
                else:
                    defined = node[0] in ("free", "local") and graph.is_definition(facts, node)
                    result[node[1] if defined else ""].append(ref)
        return dict(result)

    @cached_property
    def indirect(self) -> dict[str, list[Ref]]:
        """Calls whose callee is a variable, item or result, by the module they stand in."""
        result: defaultdict[str, list[Ref]] = defaultdict(list)
        for ref in self._project.indirect_calls:
            result[ref[0]].append(ref)
        return dict(result)

    @cached_property
    def _below(self) -> dict[str, list[str]]:
        """The modules with such calls in and below every package, "" for all."""
        result: defaultdict[str, list[str]] = defaultdict(list)
        for name in self.indirect:
            for package in _packages(name):
                result[package].append(name)
        return dict(result)

    def nearest(self, module: str) -> Iterator[str]:
        """Modules with such calls: the module itself, those of its package, of the package around that, and so on."""
        seen: set[str] = set()
        for package in _packages(module):
            for name in self._below.get(package, ()):
                if name not in seen:
                    seen.add(name)
                    yield name

    def near(self, name: str, sites: list[Ref], module: str) -> list[Ref]:
        """Of the places that go by a name those in a module, in its package, in the package around that, and so on."""
        if name not in self._near:
            below: defaultdict[str, list[Ref]] = defaultdict(list)
            for site in sites:
                for package in _packages(site[0]):
                    if len(below[package]) < CANDIDATES:
                        below[package].append(site)
            self._near[name] = dict(below)
        found: dict[Ref, None] = {}
        for package in _packages(module):
            found.update(dict.fromkeys(self._near[name].get(package, ())))
        return list(found)[:CANDIDATES]


def _packages(module: str) -> list[str]:
    """A module and the packages it lies in, the nearest first, "" for everything last."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)] + [""]


def _tables(solver: Solver) -> Tables:
    if solver.reaching is None:
        solver.reaching = Tables(solver.project)
    return solver.reaching


def rule_callers(solver: Solver, key: Key, out: Answer) -> None:
    """("callers", module, scope): visit every call that may reach a function, by the names it goes by."""
    _, module, number = key
    project = solver.project
    function = (module, number)
    scope = project.scope(function)
    owner = project.owning_class(function)
    names = {scope.name} if scope.name else set()
    if owner is not None and scope.name in ("__init__", "__new__", "__post_init__"):
        for cls in solver.classes.subclasses(owner):
            names.add(project.scope(cls).name)
        names.add("cls")
    if scope.kind == "lambda" and scope.node >= 0:
        names |= project.site_names((module, scope.node))
    names |= {alias for name in names for alias in project.aliases.get(name, ())}
    nested = scope.parent > 0 and owner is None
    if (
        scope.decorators
        or scope.kind == "lambda"
        or nested
        or scope.name == "__call__"
        or any(project.mentions(name) for name in names)
    ):
        solver.get(("indirect", module))
    if scope.kind == "lambda" and scope.node >= 0:
        # Handed over where it is written: `map(lambda x: ..., xs)`.
        for user in project.users((module, scope.node)):
            if project.node(user)[0] == "call":
                solver.get(("flow", *user))
    for name in sorted(names):
        if visit(solver, name, module):
            solver.cut.add(function)
    around = {project.scope(each).name for each in project.enclosing(function)} | names
    for name in sorted(around.union({""}, *(project.aliases.get(name, ()) for name in around))):
        if name in _tables(solver).decorations:
            solver.get(("decorations", name))


def visit(solver: Solver, name: str, module: str) -> bool:
    """Follow the calls of a name; says whether there are too many of them. Only then the module matters."""
    project = solver.project
    many = len(project.calls(name)) + len(project.mentions(name)) > CANDIDATES
    solver.get(("calls", name, module if many else ""))
    return many


def rule_calls(solver: Solver, key: Key, out: Answer) -> None:
    """("calls", name, module): visit the calls of that name, and those with it among their arguments.

    Of too many those that lie nearest to the module.
    """
    _, name, module = key
    project = solver.project
    sites = dict.fromkeys((*project.calls(name), *project.mentions(name)))
    if len(sites) > CANDIDATES:
        solver.widened.add(key)
        sites = dict.fromkeys(_tables(solver).near(name, list(sites), module))
    for site in sites:
        solver.get(("flow", *site))


def rule_decorations(solver: Solver, key: Key, out: Answer) -> None:
    """("decorations", name): visit the definitions with a decorator that goes by that name, "" for variables."""
    for definition in _tables(solver).decorations.get(key[1], ()):
        solver.get(("decorate", *definition))


def rule_indirect(solver: Solver, key: Key, out: Answer) -> None:
    """("indirect", module): visit the calls of variables and results, those in modules that lie nearest first."""
    visited, tables = 0, _tables(solver)
    for module in tables.nearest(key[1]):
        for site in tables.indirect.get(module, ()):
            solver.get(("flow", *site))
            visited += 1
        if visited >= CANDIDATES:
            solver.widened.add(key)
            return


def rule_decorate(solver: Solver, key: Key, out: Answer) -> None:
    """("decorate", module, definition): a project decorator is called with what it decorates."""
    _, module, number = key
    definition = solver.project.node((module, number))
    scope = solver.project.scope((module, definition[1]))
    value: Value = ("fn" if definition[0] == "function" else "cls", (module, definition[1]))
    for decorator in scope.decorators:
        for each, evidence in solver.get(("n", module, decorator)).items():
            if each[0] in ("fn", "bm"):
                target = solver.project.scope(each[1])
                index = 1 if each[0] == "bm" else 0
                if index < len(target.params):
                    solver.contribute(
                        ("param", *each[1], index),
                        value,
                        Evidence(evidence.grade, "decorates", ("n", module, number), value),
                    )
