"""Decorated: which functions and classes stand under the same decorator of the project."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from governance.contract import Ref
from governance.index.names import Names
from governance.index.project import Project, ScopeId
from governance.index.values import FunctionId


def applied(project: Project, decorator: Ref) -> Ref:
    """What is called to make a decorator, or the decorator itself."""
    node = project.node(decorator)
    return (decorator[0], node[1]) if node[0] == "call" else decorator


class Decorated:
    """By names alone: a decorator that only a value tells, a method of an object for example, is not counted."""

    def __init__(self, project: Project, names: Names) -> None:
        self.project, self.names = project, names

    def alike(self, decorator: Ref) -> frozenset[ScopeId]:
        """All functions and classes under the function that this decorator is, or that makes it.

        One that gives back what it got, by way of a helper or of `*args`, seems to give any of them to each.
        """
        return frozenset().union(*(self._by_function.get(each, ()) for each in self._functions(decorator)))

    def is_applied_within(self, inner: FunctionId, outer: FunctionId) -> bool:
        """Whether a function itself calls one that is defined in it: what is decorated is then the result of that call.

        def task(function=None, *, name=""):
            def around(function): ...
            return around if function is None else around(function)
        """
        if self.project.scope(inner).parent != outer[1] or inner[0] != outer[0]:
            return False
        callees = ((outer[0], self.project.node((outer[0], call))[1]) for call in self.project.calls_in(outer))
        return any(("fn", inner) == entity[:2] for callee in callees for entity in self.names.resolve(callee))

    @cached_property
    def _by_function(self) -> dict[ScopeId, set[ScopeId]]:
        found: defaultdict[ScopeId, set[ScopeId]] = defaultdict(set)
        for module, number in self.project.decorations:
            scope = (module, self.project.node((module, number))[1])
            for decorator in self.project.scope(scope).decorators:
                for function in self._functions((module, decorator)):
                    found[function].add(scope)
        return dict(found)

    def _functions(self, decorator: Ref) -> list[ScopeId]:
        found = self.names.resolve(applied(self.project, decorator))
        return [entity[1] for entity in found if entity[0] == "fn"]
