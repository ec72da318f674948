"""Decorated: which functions and classes stand under the same decorator of the project."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property

from governance.contract import Ref
from governance.index.names import Entity, Names
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
        """Whether a function itself calls one that is defined in it, with what it got: what is decorated is then the
        result of that call.

        def task(function=None, *, name=""):
            def around(function): ...
            return around if function is None else around(function)
        """
        if self.project.scope(inner).parent != outer[1] or inner[0] != outer[0]:
            return False
        calls = (self.project.node((outer[0], call)) for call in self.project.calls_in(outer))
        return any(
            ("fn", inner) == entity[:2]
            for call in calls
            if any(self._is_parameter((outer[0], each), outer) for each in call[2])
            for entity in self.names.resolve((outer[0], call[1]))
        )

    def is_named_by(self, function: FunctionId, decorator: FunctionId) -> bool:
        """Whether a decorator says by name that it gives this function, whatever it is put on."""
        results = self.project.scope(decorator).results
        return any(("fn", function) == entity[:2] for each in results for entity in self._resolve(decorator[0], each))

    def _resolve(self, module: str, number: int) -> tuple[Entity, ...]:
        return self.names.resolve((module, number)) if number >= 0 else ()

    def _is_parameter(self, ref: Ref, function: FunctionId) -> bool:
        return any(
            entity[0] == "node" and self.project.node((entity[1], entity[2]))[:2] == ["param", function[1]]
            for entity in self.names.resolve(ref)
        )

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
