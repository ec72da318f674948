"""Contexts: writes in functions that others call, judged in the states their callers leave the object in.

A private function (or method) all of whose calls are followed is judged by those calls alone; what any other function
writes is judged for objects in any state, except that a state it is handed is judged where it is handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from governance.contract import Ref
from governance.index.project import ScopeId
from governance.paths.known import Write
from governance.paths.typestate import Typestate

_LEVELS = 3


def writes(typestate: Typestate, writers: Iterable[ScopeId]) -> Iterator[Write]:
    """The writes in these functions, each in its context."""
    contexts = _Contexts(typestate)
    scopes = list(writers)
    contexts.run(contexts.with_callers(scopes))
    for scope in scopes:
        yield from contexts.of(scope)


class _Contexts:
    def __init__(self, typestate: Typestate) -> None:
        self.typestate = typestate
        self.project = typestate.project
        self._alone: dict[ScopeId, list[Write]] = {}
        self._calls: dict[ScopeId, list[Ref]] = {}

    def with_callers(self, scopes: list[ScopeId]) -> list[ScopeId]:
        """The functions and those that call them, a few levels up."""
        found = dict.fromkeys(scopes)
        level = scopes
        for _ in range(_LEVELS):
            callers = [self.project.owner(call) for scope in level for call in self.calls(scope)]
            level = [each for each in dict.fromkeys(callers) if each not in found]
            found |= dict.fromkeys(level)
        return list(found)

    def calls(self, scope: ScopeId) -> list[Ref]:
        """The calls of a function that takes or belongs to a governed object."""
        if scope not in self._calls:
            name = self.project.scope(scope).name
            called = self.project.calls(name) if scope[1] and self.project.scope(scope).kind == "function" else ()
            self._calls[scope] = [
                call for call in called if any(each.function == scope for each in self.typestate.index.callees(call))
            ]
        return self._calls[scope]

    def run(self, scopes: list[ScopeId]) -> None:
        """Run what can be called from anywhere, then what was called in ways that were not followed."""
        waiting = [scope for scope in scopes if self._is_private(scope)]
        for scope in scopes:
            if scope not in waiting:
                self._alone[scope] = self.typestate.run(scope)
        while waiting := [scope for scope in waiting if not self._followed(scope)]:
            known = [
                scope for scope in waiting if not all(self._still(call, scope, waiting) for call in self.calls(scope))
            ]
            for scope in known or waiting:
                self._alone[scope] = self.typestate.run(scope)
            waiting = [scope for scope in waiting if scope not in self._alone]

    def _followed(self, scope: ScopeId) -> bool:
        return all((scope, call) in self.typestate.followed for call in self.calls(scope))

    def _still(self, call: Ref, scope: ScopeId, waiting: list[ScopeId]) -> bool:
        return (scope, call) in self.typestate.followed or self.project.owner(call) in waiting

    def _is_private(self, scope: ScopeId) -> bool:
        name = self.project.scope(scope).name
        if not name.startswith("_") or name.startswith("__") or not self.calls(scope) or self.project.mentions(name):
            return False
        called = {(call[0], self.project.node(call)[1]) for call in self.project.calls(name)}
        return all(load in called for load in self.project.attr_loads(name))

    def of(self, scope: ScopeId) -> Iterator[Write]:
        """The writes in one function."""
        seen = [
            (call, each) for (call, _), each in self.typestate.contexts.items() if self.project.owner(each.ref) == scope
        ]
        if scope in self._alone:
            for write in self._alone[scope]:
                inside = [(call, each) for call, each in seen if each.ref == write.ref]
                yield from self._handed(inside) if write.handed and inside else [write]
            return
        for ref in dict.fromkeys(each.ref for _, each in seen):
            inside = [(call, each) for call, each in seen if each.ref == ref]
            if any(each.handed for _, each in inside):
                yield from self._handed(inside)
            else:
                whole = inside[0][1]
                for _, each in inside[1:]:
                    whole = whole.joined(each)
                yield whole

    def _handed(self, inside: list[tuple[Ref, Write]]) -> Iterator[Write]:
        """A write of a state that calls hand in: one for each of them, and one without a state for its place."""
        first = inside[0][1]
        yield Write(first.ref, None, None, first.fresh, allowed=True)
        for call, each in inside:
            yield replace(each, ref=call, through=True)
