"""Spelling: which names are used where, before anything is asked about values.

A name can only reach what goes by it, so these tables bound what the exact questions have to look at.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Final

from governance.facts import ModuleFacts
from governance.index import graph
from governance.index.project import Project, ScopeId
from governance.index.values import FunctionId

_CONTAINERS: Final = frozenset("annotated ifexp or and phi dict list tuple set narrow".split())


class Spelling:
    """Names of one project; every table is made on first use and serves all contracts."""

    def __init__(self, project: Project) -> None:
        self.project = project

    @cached_property
    def used(self) -> defaultdict[ScopeId, list[tuple[int, str]]]:
        """The names each scope uses (attributes, variables, its decorators), with the node."""
        found: defaultdict[ScopeId, list[tuple[int, str]]] = defaultdict(list)
        for module, each in self.project.modules.items():
            facts = each.facts
            for number, node in enumerate(facts.nodes):
                if node[0] == "attr":
                    found[module, facts.owner[number]].append((number, node[2]))
                elif node[0] in ("local", "free"):
                    found[module, facts.owner[number]].append((number, node[1]))
            for position, scope in enumerate(facts.scopes):
                if scope.kind == "function":
                    for decorator in scope.decorators:
                        inner = facts.nodes[decorator]
                        base = inner[1] if inner[0] == "call" else decorator
                        name = facts.nodes[base]
                        if name[0] in ("attr", "local", "free"):
                            text = name[2] if name[0] == "attr" else name[1]
                            found[module, position].append((base, text))
        return found

    @cached_property
    def users(self) -> dict[str, set[FunctionId]]:
        """For every name the functions that use it, those around them included."""
        found: defaultdict[str, set[FunctionId]] = defaultdict(set)
        for scope, uses in self.used.items():
            functions = [each for each in self.project.enclosing(scope) if self._is_function(each)]
            for _, name in uses:
                found[name].update(functions)
        return dict(found)

    @cached_property
    def nested(self) -> dict[FunctionId, list[FunctionId]]:
        """Functions defined inside a function, at any depth."""
        found: defaultdict[FunctionId, list[FunctionId]] = defaultdict(list)
        for kind in ("function", "lambda"):
            for scope in self.project.scopes(kind):
                for outer in list(self.project.enclosing(scope))[1:]:
                    if self._is_function(outer):
                        found[outer].append(scope)
        return dict(found)

    def _is_function(self, scope: ScopeId) -> bool:
        return self.project.scope(scope).kind in ("function", "lambda")

    def bound_to(self, names: Collection[str]) -> frozenset[str]:
        """The names, and every other name or attribute that something of these names is bound to somewhere."""
        known = set(names)
        todo = list(known)
        while todo:
            name = todo.pop()
            for other in (*self.project.aliases.get(name, ()), *self._passed_on.get(name, ())):
                if other not in known:
                    known.add(other)
                    todo.append(other)
        return frozenset(known)

    @cached_property
    def _passed_on(self) -> dict[str, set[str]]:
        """For every name the names and attributes that what it stands for is bound to."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for module in self.project.modules.values():
            facts = module.facts
            for scope in facts.scopes:
                for name, numbers in scope.bindings.items():
                    for number in numbers:
                        for source in _sources(facts, number):
                            found[source].add(name)
            for node in facts.nodes:
                if node[0] == "store_attr":
                    for source in _sources(facts, node[3]):
                        found[source].add(node[2])
        return dict(found)


def _sources(facts: ModuleFacts, number: int) -> Iterator[str]:
    """The names in a name, an attribute, a container of such, or a partial: a call gives something else."""
    if number < 0:
        return
    node = facts.nodes[number]
    if node[0] in ("free", "local"):
        yield node[1]
    elif node[0] == "attr":
        yield node[2]
    elif node[0] == "call":
        if node[2] and graph.last_name(facts, node[1]) in ("partial", "partialmethod"):
            yield from _sources(facts, node[2][0])
    elif node[0] in _CONTAINERS:
        for each in graph.operands(node):
            if each != number:
                yield from _sources(facts, each)
