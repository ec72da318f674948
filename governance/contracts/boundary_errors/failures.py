"""Failures: what becomes of a service call that fails inside a route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref, Trail
from governance.contracts.boundary_errors.application import Application
from governance.contracts.boundary_errors.dependencies import dependencies, is_taken_as_it_is
from governance.contracts.boundary_errors.failure_paths import (
    FINE,
    TOLD,
    Failing,
    FailurePaths,
    last_event,
    told_status,
)
from governance.contracts.boundary_errors.keeping import hands_failures_on, keeps_failures
from governance.contracts.boundary_errors.telling import Telling
from governance.contracts.boundary_errors.territory import Territory
from governance.findings import Grade
from governance.index import Index, graph
from governance.index.values import FunctionId
from governance.paths.engine import TooComplex
from governance.paths.frames import ALL, asked
from governance.paths.outcomes import Path
from governance.paths.reach import Reach
from governance.paths.sought import Sought

_SUCCESS_BELOW: Final = 300


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure that is not told. kind: "unhandled" or "swallowed"."""

    kind: str
    at: Ref
    text: str
    grade: Grade
    chain: tuple[Trail, ...]


class Failures:
    """Examines routes."""

    def __init__(
        self, index: Index, territory: Territory, application: Application, domain: frozenset[tuple[str, int]]
    ) -> None:  # fmt: skip
        self.index = index
        self.territory = territory
        self.application = application
        self.telling = Telling(index, domain)
        kept = [each for each in self._declared() if keeps_failures(index, each)]
        self.handing_on = frozenset(each for each in kept if hands_failures_on(index, each))
        """Functions of the services that fail by what they return."""
        self.services = frozenset(self._declared()) - frozenset(kept)
        names = frozenset(index.project.scope(function).name for function in self.services)
        self.reaches = Reach(index, Sought(functions=self.services, names=names))
        self.too_complex: list[FunctionId] = []

    def _declared(self) -> Iterator[FunctionId]:
        return (function for function in self.index.project.scopes("function") if self._is_declared(function))

    def _is_declared(self, function: FunctionId) -> bool:
        """A method or function of the service modules, or one that implements what they declare."""
        name = self.index.project.scope(function).name
        if name.startswith("__") and name != "__call__":
            return False
        if function[0] in self.territory.service_modules:
            return True
        owner = self.index.project.owning_class(function)
        return owner is not None and any(
            base[0] in self.territory.service_modules and self.index.project.child(base, name) is not None
            for base in self.index.mro(owner)[1:]
        )

    def _fails(self, call: Ref, function: FunctionId | None) -> bool:
        if function not in self.services or (
            call[0] in self.territory.service_modules and not self._is_handed_on(call)
        ):
            return False
        return not self._is_gathered(call)

    def _is_handed_on(self, call: Ref) -> bool:
        """Whether a call of a service fails by what the function around it returns; what tells of it does not."""
        project = self.index.project
        if project.owner(call) not in self.handing_on:
            return False
        nodes = project.modules[call[0]].facts.nodes
        return not any(nodes[each][0] == "exception" for each in graph.within(nodes, [call[1]]))

    def _is_gathered(self, call: Ref) -> bool:
        """Whether failures come back as values: `gather(..., return_exceptions=True)`."""
        todo = [call]
        for _ in range(6):
            users = [user for each in todo for user in self.index.project.users(each)]
            for user in users:
                node = self.index.project.node(user)
                for name, value in node[3] if node[0] == "call" else ():
                    if name == "return_exceptions" and self.index.project.node((user[0], value))[-1] is True:
                        return True
            todo = [user for user in users if self.index.project.node(user)[0] in ("comp", "star", "list", "tuple")]
        return False

    def of_routes(self) -> Iterator[Failure]:
        """Every failure that is not told by some route."""
        examined: set[FunctionId] = set()
        for route in self.territory.routes if self.services else ():
            engine = FailurePaths(self.index, self._fails, self.reaches)
            owner = self.index.project.owning_class(route)
            try:
                summary = engine.outcomes(asked(route, owner, self._layers(engine, route)))
            except TooComplex:
                self.too_complex.append(route)
                continue
            best: dict[tuple[str, Ref], Failure] = {}
            for (state, kind), path in summary.raised.items():
                if state.auto in (FINE, TOLD) or engine.exceptions.is_exit(kind):
                    continue
                if not self.application.handles(route, kind):
                    _keep(best, self._unhandled(route, engine.failing[state.auto], path))
            for (state, value), path in summary.ended.items():
                if state.auto in (FINE, TOLD) or told_status(state, value) >= _SUCCESS_BELOW:
                    continue
                if self.territory.is_socket(route):
                    continue  # there is no status to be told by
                if path.grade < Grade.PROBABLE:
                    continue  # only if a test of what the handler has set came out against what it has set
                _keep(best, self._swallowed(route, engine.failing[state.auto], path))
            for dependency in dependencies(self.index, route):
                if dependency not in examined:
                    examined.add(dependency)
                    self._of_dependency(route, dependency, best)
            yield from best.values()

    def _of_dependency(self, route: FunctionId, dependency: FunctionId, best: dict[tuple[str, Ref], Failure]) -> None:
        """What fails before the route is called: nothing of the route can handle it."""
        if not self.reaches(dependency) or dependency in self.services:
            return
        engine = FailurePaths(self.index, self._fails, self.reaches)
        owner = self.index.project.owning_class(dependency)
        try:
            summary = engine.outcomes(asked(dependency, owner))
        except TooComplex:
            self.too_complex.append(dependency)
            return
        for (state, kind), path in summary.raised.items():
            told = state.auto in (FINE, TOLD) or engine.exceptions.is_exit(kind)
            if not told and not self.application.handles(route, kind):
                _keep(best, self._unhandled(dependency, engine.failing[state.auto], path))
        for (state, _), path in summary.ended.items() if is_taken_as_it_is(self.index, route, dependency) else ():
            if state.auto not in (FINE, TOLD) and path.grade >= Grade.PROBABLE:
                _keep(best, self._swallowed(dependency, engine.failing[state.auto], path))

    def _layers(self, engine: FailurePaths, route: FunctionId) -> int:
        """The decorators around what is registered: those below the decorator that does so."""
        module, decorator = self.territory.routes[route]
        if module == route[0] and decorator in self.index.project.scope(route).decorators:
            return engine.layers.inside(route, decorator)
        return ALL

    def _unhandled(self, route: FunctionId, failing: Failing, path: Path) -> Failure:
        thrown = last_event(path, "raised")
        name = self.index.project.qualname(route)
        again = thrown is not None and thrown.ref != failing.call and thrown.text in ("raise", "assert")
        at = self._here(route, path, failing.call)
        text = f"a failure of {failing.name or self.index.project.text(at)} leaves {name} "
        text += "raised again without an answer" if again else "without a handler"
        # An assert after a failure mostly tells a type checker what the handler has seen to.
        grade = Grade.POSSIBLE if thrown is not None and thrown.text == "assert" else Grade(path.grade)
        return Failure("unhandled", at, text, min(grade, Grade(path.grade)), trail(path))

    def _swallowed(self, route: FunctionId, failing: Failing, path: Path) -> Failure:
        at = caught_at(path, failing)
        name = self.index.project.qualname(route)
        grade = min(Grade(path.grade), self.telling.doubt(path))
        what = failing.name or self.index.project.text(self._here(route, path, failing.call))
        text = f"a failure of {what} ends in a success answer of {name}"
        return Failure("swallowed", at, text, grade, trail(path))

    def _here(self, route: FunctionId, path: Path, call: Ref) -> Ref:
        """The place in the route at which the failure comes about: the failing call, or what leads to it."""
        project = self.index.project
        if project.owner(call) == route:
            return call
        for event in [*path.trail, None]:
            ref = event.ref if event is not None else call
            if event is not None and event.kind not in ("called", "raised"):
                continue
            if ref[1] >= 0 and route in project.enclosing(project.owner(ref)) and self._leads(path, ref, call):
                return ref
        return project.definition(route) or call

    def _leads(self, path: Path, ref: Ref, call: Ref) -> bool:
        """Whether a place is the failing call or the last one in the route before it."""
        if ref == call:
            return True
        places = [event.ref for event in path.trail]
        if call not in places or ref not in places:
            return False
        before = places[: places.index(call)]
        route = self.index.project.owner(ref)
        later = [each for each in before if each[1] >= 0 and self.index.project.owner(each) == route]
        return bool(later) and later[-1] == ref


def _keep(best: dict[tuple[str, Ref], Failure], failure: Failure) -> None:
    known = best.get((failure.kind, failure.at))
    if known is None or known.grade < failure.grade:
        best[failure.kind, failure.at] = failure


def caught_at(path: Path, failing: Failing) -> Ref:
    """The place at which a failure is caught: the handler, or the `return` that a `finally` leaves with."""
    caught = last_event(path, "caught", "swallowed") or last_event(path, "left")
    return caught.ref if caught is not None and caught.ref[1] >= 0 else failing.call


def trail(path: Path) -> tuple[Trail, ...]:
    """The turns of a path as steps of a chain."""
    return tuple(Trail(event.text, event.ref) for event in path.trail if event.ref[1] >= 0)
