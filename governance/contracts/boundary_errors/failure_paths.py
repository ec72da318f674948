"""Failure paths: the abstract execution of one function in which chosen calls may fail and answers count as told.

The state of the automaton says what has become of the last failure: `FINE`, the name of the call that has failed and of
which nobody has told the client yet, or `TOLD`. A call that succeeds after it has failed (a retry) is fine again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from governance.contract import Ref
from governance.contracts.boundary_errors import futures
from governance.contracts.boundary_errors.answers import answer
from governance.contracts.boundary_errors.known import STATUS, Known
from governance.contracts.boundary_errors.lateness import Lateness
from governance.contracts.boundary_errors.spoken import answers_of
from governance.facts import Block
from governance.findings import Grade
from governance.index import Index, graph
from governance.index.values import FunctionId
from governance.paths.abstract import NOTHING
from governance.paths.automaton import Automaton
from governance.paths.engine import Engine
from governance.paths.exceptions import ANY, EXIT
from governance.paths.frames import Frame, Work
from governance.paths.outcomes import PROBABLE, Abstract, Event, Outcomes, Path, State, States, put
from governance.paths.runs import Runs
from governance.paths.sought import Sought
from governance.paths.targets import RAISES, RUN, SAFE, Target

FINE: Final = "fine"
TOLD: Final = "told"
_SUCCESS_BELOW: Final = 300
_FILLING: Final = frozenset(("append", "add", "insert", "appendleft", "push"))
_CHANGING: Final = frozenset(("pop", "clear", "remove", "discard", "popitem", "popleft"))
_ADDING: Final = frozenset(("update", "extend"))

Fails: TypeAlias = "Callable[[Ref, FunctionId | None], bool]"
"""Whether a call, of a function of the project if that is known, is one whose failure matters."""


class Failing(NamedTuple):
    """A call that may fail. name: the function it calls, "" if it runs one that was handed to it."""

    call: Ref
    name: str


class FailurePaths(Engine):
    """One execution. concerns: whether a function may come to a call that fails, or be handed on as one."""

    def __init__(self, index: Index, fails: Fails, concerns: Callable[[FunctionId], bool]) -> None:
        super().__init__(index, Sought(), Sought(), Automaton(FINE, {}, frozenset(), frozenset()))
        self.fails = fails
        self.runs = _Runs(self)
        self.truth = Known(index, self.exceptions)
        self.late = Lateness(index, fails)
        self._concerns = concerns
        self._answering: dict[FunctionId, bool] = {}
        self.failing: dict[str, Failing] = {}

    def block(self, frame: Frame, steps: Block, entry: States) -> Outcomes:
        """Run steps; generators run where they are consumed."""
        out = Outcomes()
        for part, waits in futures.parts(self, frame, self.late.moved(frame.function, steps)):
            after = super().block(frame, part, entry)
            if waits:
                self._wait(frame, part, after)
            entry = after.normal
            out.absorb(after)
        out.normal = entry
        return out

    def _wait(self, frame: Frame, part: Block, after: Outcomes) -> None:
        """`asyncio.wait` raises nothing: what has failed is known only to who asks."""
        asks = futures.asks_later(frame, part[0][1])
        event = frame.event("caught", part[0][1], "what is waited for fails, and nobody asks")
        for (state, kind), path in list(after.raised.items()):
            if state.auto in self.failing and not self.exceptions.is_exit(kind):
                del after.raised[state, kind]
                put(after.normal, state.moved(FINE) if asks else state, path if asks else path.then(event))

    def targets(self, frame: Frame, number: int) -> list[Target]:
        """What a call may run; what merely might go wrong besides is left out."""
        found = [each._replace(kind=SAFE) if each.kind == RAISES else each for each in super().targets(frame, number)]
        ref = frame.ref(number)
        special = Target(RUN, work=Work((frame.module, 0)))
        if any(each.deferred == "generator" for each in found) and (self._is_consumed(ref) or self.late.is_late(ref)):
            found = [each._replace(deferred="") if self._fails_late(ref, each) else each for each in found]
        if answer(self.index, ref) is not None or self.changes(frame, number) is not None:
            return [special]
        if futures.asked(self, frame, number) is not None:
            return [special]
        if not any(each.kind == RUN for each in found) and self.fails(ref, None):
            return [special]
        return found

    def _fails_late(self, call: Ref, target: Target) -> bool:
        """Whether a call makes a generator that may fail when it is run."""
        return target.deferred == "generator" and target.work is not None and self.fails(call, target.work.function)

    def _is_consumed(self, call: Ref) -> bool:
        """Whether what a call makes is iterated, or given away to be, where it is made."""
        project = self.index.project
        users = [(user, project.node(user)) for user in project.users(call)]
        return any(
            node[0] in ("item", "yieldfrom", "star", "unpack")
            or (node[0] == "call" and call[1] in node[2] and answer(self.index, user) is None)
            for user, node in users
        )

    def changes(self, frame: Frame, number: int) -> str | None:
        """The method, if a call fills or otherwise changes a container that is followed."""
        fact = frame.facts.nodes[number]
        callee = frame.facts.nodes[fact[1]]
        if callee[0] == "attr" and callee[2] in _FILLING | _CHANGING | _ADDING:
            place, _ = self.truth.place(frame, callee[1])
            return str(callee[2]) if place is not None else None
        return None

    def names_failure(self, frame: Frame, number: int) -> bool:
        """Whether a call is handed what a handler has caught, or a display: there is something to add."""
        nodes = frame.facts.nodes
        given = [*nodes[number][2], *(value for _, value in nodes[number][3])]
        if any(nodes[each][0] in ("dict", "list", "tuple", "set") and nodes[each][1] for each in given):
            return True
        return any(nodes[each][0] == "exception" for each in graph.within(nodes, given))

    def has_item(self, frame: Frame, number: int) -> bool:
        """Items are taken to be there."""
        return True

    def matters(self, work: Work) -> bool:
        """Whether a function is worth following: something may fail in it, or around it, or it may make an answer."""
        return self._concerns(work.function) or self._makes_answers(work.function) or self._keeps_around(work.function)

    def _keeps_around(self, function: FunctionId) -> bool:
        """Whether a generator catches what fails at its `yield`."""
        scope = self.index.project.scope(function)
        return scope.is_generator and any(step[0] == "try" and step[3] for step in scope.body)

    def pays_in(self, work: Work) -> bool:
        """Nothing is owed here."""
        return False

    def _makes_answers(self, function: FunctionId) -> bool:
        known = self._answering.get(function)
        if known is None:
            known = self._answering[function] = any(True for _ in answers_of(self.index, function))
        return known


class _Runs(Runs):
    def __init__(self, engine: FailurePaths) -> None:
        super().__init__(engine)
        self.paths = engine

    def call(self, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
        """Run a call: an answer, a change of a container, a call that may fail, or any other."""
        paths = self.paths
        ref = frame.ref(number)
        is_call = frame.facts.nodes[number][0] == "call"
        real = target.work is not None and target.work.function[1] != 0
        made = answer(paths.index, ref) if is_call and not real else None
        if made is not None:
            numbers = made.numbers(paths.index)
            tells = not numbers or max(numbers) >= _SUCCESS_BELOW
            for state, path in entry.items():
                put(out.normal, state.moved(TOLD) if tells and state.auto != FINE else state, path)
            return
        future = futures.asked(paths, frame, number) if is_call and not real else None
        if future is not None:
            self._ask(frame, number, future, entry, out)
            return
        changed = paths.changes(frame, number) if is_call and not real else None
        if changed is not None:
            self._change(frame, number, changed, entry, out)
            return
        function = target.work.function if real and target.work else None
        if (is_call or real) and paths.fails(ref, function):
            self._fail(frame, number, target, entry, out)
            return
        if not real:
            for state, path in entry.items():
                put(out.normal, state, path)
            return
        super().call(frame, number, target, entry, out)

    def _ask(self, frame: Frame, number: int, future: futures.Asked, entry: States, out: Outcomes) -> None:
        """`future.exception()` gives a failure as a value, and `future.result()` does not raise without one."""
        name = f"{future.call[0]}:{future.call[1]}"
        self.paths.failing.setdefault(name, Failing(future.call, future.name))
        event = frame.event("caught", number, f"{self.engine.text(frame.ref(number))} gives the failure as a value")
        for state, path in entry.items():
            known = state.with_value((frame.number, ("asked", future.call[1])), ("truthy",))
            fine = known.moved(FINE) if state.auto == name else known
            place = (frame.number, ("call", number))
            put(out.normal, fine.with_value(place, NOTHING), path)
            put(out.normal, known.moved(name).with_value(place, ("truthy",)), path.then(event, future.grade))

    def _fail(self, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
        ref = frame.ref(number)
        name = f"{ref[0]}:{ref[1]}"
        function = target.work.function if target.work and target.work.function[1] else None
        index = self.engine.index
        direct = function is not None and any(each.function == function for each in index.callees(ref))
        text = index.project.qualname(function) if direct and function is not None else ""
        self.paths.failing[name] = Failing(ref, text)
        failed = frame.event("raised", number, f"{text or self.engine.text(ref)} fails")
        for state, path in entry.items():
            onward = path.then(None, target.grade)
            put(out.normal, state.moved(FINE) if state.auto == name else state, onward)
            if (frame.number, ("asked", number)) in state.env:
                continue
            put(out.raised, (state.moved(name), ANY), onward.then(failed))
            put(out.raised, (state.moved(name), EXIT), onward.then(failed, PROBABLE))

    def _change(self, frame: Frame, number: int, method: str, entry: States, out: Outcomes) -> None:
        callee = frame.facts.nodes[frame.facts.nodes[number][1]]
        place, _ = self.engine.truth.place(frame, callee[1])
        fills = method in _FILLING or (method in _ADDING and self.paths.names_failure(frame, number))
        value: Abstract | None = ("truthy",) if fills else None
        for state, path in entry.items():
            put(out.normal, state.with_value(place, value) if place is not None else state, path)


def told_status(state: State, value: Abstract | None) -> int:
    """The status with which a function ends, as far as it was given by a tuple or a store; 0 if it was not."""
    if value is not None and len(value) == 3 and value[1] == "status":
        return int(str(value[2]))
    kept = state.env.get(STATUS)
    return int(str(kept[2])) if kept is not None and kept[:2] == ("const", "int") else 0


def last_event(path: Path, *kinds: str) -> Event | None:
    """The last turn of one of these kinds."""
    return next((event for event in reversed(path.trail) if event.kind in kinds), None)


__all__ = ["FINE", "TOLD", "FailurePaths", "Grade", "last_event", "told_status"]
