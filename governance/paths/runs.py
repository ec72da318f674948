"""Runs: project functions run as summaries: from a state, the states in which they return and what they raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from governance.index.values import FunctionId
from governance.paths import factories, held, managers, supplied
from governance.paths.abstract import NOTHING, is_soft
from governance.paths.exceptions import ANY, EXIT
from governance.paths.frames import RESULT, Frame, Work
from governance.paths.layers import Layer
from governance.paths.outcomes import (
    DEFINITE,
    POSSIBLE,
    PROBABLE,
    Abstract,
    Kind,
    Outcomes,
    Path,
    Place,
    Raised,
    State,
    States,
    put,
)
from governance.paths.targets import Target

if TYPE_CHECKING:
    from governance.paths.engine import Engine

NESTING: Final = 24
SHALLOW: Final = 3
"""How deep calls are followed where following all of them is too much: beyond, anything may be raised."""

_ASIDE: Final = 4
"""How deep functions that have nothing to do with the contract are followed to see what they raise."""

_ROUNDS: Final = 8
_MUTE: Final = State("mute", {})
_EXITS: Final = frozenset(("__exit__", "__aexit__"))

Ended = dict[tuple[State, "Abstract | None"], Path]
"""The states in which a function returns, with what is known of its result."""


class TooComplex(Exception):
    """The paths of a function are too many to be followed."""


class Summary(NamedTuple):
    """What running a function from one state comes to."""

    ended: Ended
    raised: Raised


class Runs:
    """Runs functions for an engine and keeps their summaries."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.live = 0
        self._memo: dict[object, Summary] = {}
        self._beside: dict[object, Summary] = {}
        self._provisional: dict[object, Summary] = {}
        self._running: dict[object, bool] = {}
        self._inline: list[FunctionId] = []
        self.aside = 0
        """How many functions that do not matter are active: in them no variable is followed."""

    def call(self, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
        """A call that runs a function of the project."""
        assert target.work is not None
        work = self._with_callables(frame, number, target)
        is_call = frame.facts.nodes[number][0] == "call"
        pairs = supplied.arguments(self.engine, frame, number, target) if is_call else []
        place = (frame.number, ("call", number)) if ("call", number) in frame.tracked else None
        left_out = supplied.defaults(self.engine, frame, number, target) if is_call else {}
        for state, path in entry.items():
            given = {name: self.engine.truth.evaluate(frame, node, state) for name, node in pairs}
            known = left_out | {name: value for name, value in given.items() if value is not None}
            for (after, value), onward in self.ended(frame, number, work, known, {state: path}, out).items():
                # What one override happens to build says nothing of the others.
                told = None if work.grade < DEFINITE and is_soft(value) else value
                put(out.normal, after if place is None else after.with_value(place, told), onward)

    def ended(
        self, frame: Frame, at: int, work: Work, given: dict[str, Abstract], entry: States, out: Outcomes
    ) -> Ended:
        """Run a function from each state; what it raises goes to `out`."""
        result: Ended = {}
        for state, path in entry.items():
            summary = self._call(work, given, state)
            called = frame.event("called", at, f"{self.engine.index.project.qualname(work.function)} is called")
            for (after, value), way in summary.ended.items():
                put(result, (after, value), path.through(called, way, work.grade))
            for (after, kind), way in summary.raised.items():
                onward = path.through(called, way, work.grade)
                put(out.raised, (after, kind), onward if way.trail else onward.then(called._replace(kind="raised")))
        return result

    def _with_callables(self, frame: Frame, number: int, target: Target) -> Work:
        """The function with what its parameters are known to hold."""
        work = target.work
        assert work is not None
        if frame.facts.nodes[number][0] != "call":
            return work
        grown = dict(work.callables)
        for name, node in supplied.arguments(self.engine, frame, number, target):
            found = held.functions_in(self.engine, frame, node)
            if 0 < len(found) <= 4:
                grown[work.function, name] = tuple(found)
        if grown == dict(work.callables):
            return work
        return work._replace(callables=tuple(sorted(grown.items(), key=lambda item: item[0])))

    def _call(self, work: Work, given: dict[str, Abstract], state: State) -> Summary:
        if state.auto in self.engine.automaton.settled:
            return _unknown(state)
        if self.live > self.engine.nesting:
            if not self._concerns(work):
                return _unknown(state)
            # What makes something owed, or does it, may be in there: nobody can say for sure.
            self.engine.unfollowed.setdefault(work.function)
            after = _forgotten(work, state)
            return Summary({(after, None): Path(POSSIBLE)}, {(after, ANY): Path(POSSIBLE)})
        if self._inline.count(work.function) > 1:
            return _unknown(_forgotten(work, state))
        if self.aside or not self._concerns(work):
            summary = self._seen_aside(work)
            return Summary(
                {(state, value): path for (_, value), path in summary.ended.items()},
                {(state, kind): path for (_, kind), path in summary.raised.items()},
            )
        if _is_closure(work):
            self._inline.append(work.function)
            try:
                return self.of(work, given, state)
            finally:
                self._inline.pop()
        own = work.this.number if work.this is not None else None
        seen = {place: value for place, value in state.env.items() if place[0] == own}
        entry = State(state.auto, seen)
        key = (work._replace(grade=DEFINITE), frozenset(given.items()), entry)
        summary = self._memoised(key, lambda: self.of(work, given, entry))
        rest = {place: value for place, value in state.env.items() if place not in seen}
        return Summary(
            {(_merged(after, rest), value): path for (after, value), path in summary.ended.items()},
            {(_merged(after, rest), kind): path for (after, kind), path in summary.raised.items()},
        )

    def _concerns(self, work: Work) -> bool:
        """Whether a function may change what is owed, or variables that are followed."""
        scope = self.engine.index.project.scope(work.function)
        kept = work.this is not None and work.this.flags is not None
        if scope.name in _EXITS or kept or (work.outer is not None and scope.nonlocal_names):
            return True
        inner = (each for _, works in work.callables for each in works)
        return self.engine.matters(work) or any(self.engine.matters(each) for each in inner)

    def _seen_aside(self, work: Work) -> Summary:
        """What a function that does not concern the contract raises and returns, whatever the state."""
        if self.aside >= _ASIDE:
            return _unknown(_MUTE)
        bare = work._replace(this=None, outer=None, grade=DEFINITE)
        key = (bare, self.aside)
        known = self._beside.get(key)
        if known is None:
            # Met again before it is done, it may do what any unknown function may.
            self._beside[key] = _unknown(_MUTE)
            self.aside += 1
            try:
                known = self._beside[key] = self.of(bare, {}, _MUTE)
            finally:
                self.aside -= 1
        return known

    def _memoised(self, key: object, compute: Callable[[], Summary]) -> Summary:
        """Summaries of functions that call themselves start empty and grow until nothing is added.

        What is computed on the way from such an unfinished summary is kept for that round only.
        """
        if key in self._running:
            self._running[key] = True
            return self._memo[key]
        known = self._memo.get(key) or self._provisional.get(key)
        if known is not None:
            return known
        self._memo[key] = Summary({}, {})
        try:
            for _ in range(_ROUNDS):
                self._running[key] = False
                found = compute()
                before, self._memo[key] = self._memo[key], found
                if not self._running[key] or _same(before, found):
                    break
                self._provisional.clear()
        finally:
            del self._running[key]
        if any(self._running.values()):
            self._provisional[key] = self._memo.pop(key)
            return self._provisional[key]
        self._provisional.clear()
        return self._memo[key]

    def of(self, work: Work, given: dict[str, Abstract], state: State) -> Summary:
        """Run a function with the decorators around it."""
        step = self.engine.layers.applied(work)
        if step is None:
            return self._bare(work, given, state)
        layer, inner = step
        if layer.wrapper is not None:
            if self.live > self.engine.nesting:
                return _unknown(state)
            return self._wrapped(layer, inner, state)
        return self._managed(layer.manager, inner, given, state)

    def _wrapped(self, layer: Layer, inner: Work, state: State) -> Summary:
        """The wrapper of a decorator runs, and knows what the decorator has been given."""
        around = factories.around(self.engine, layer, inner.function, self.live)
        wrapper = self.engine.layers.wrapped(layer, inner)
        above = 1 if around is None else 2
        self.live += above
        try:
            if around is None:
                return self.of(wrapper, {}, state)
            outer, known = around
            found = self.of(wrapper._replace(outer=outer), {}, State(state.auto, {**state.env, **known}))
        finally:
            self.live -= above
        gone = frozenset(number for number, _ in known)
        return Summary(
            {(after.without(gone), value): path for (after, value), path in found.ended.items()},
            {(after.without(gone), kind): path for (after, kind), path in found.raised.items()},
        )

    def _managed(self, manager: int, inner: Work, given: dict[str, Abstract], state: State) -> Summary:
        """A context manager that is used as a decorator stands around the call."""
        module = (inner.function[0], 0)
        frame = self.engine.frame(Work(module))
        self.live += 1
        is_async = self.engine.index.project.scope(inner.function).is_async

        def body(states: States) -> Outcomes:
            inside = Outcomes()
            for (after, value), path in self.ended(frame, manager, inner, given, states, inside).items():
                put(inside.returned, after.with_value((frame.number, RESULT), value), path)
            return inside

        try:
            return _settled(
                frame, managers.around(self.engine, frame, manager, manager, is_async, {state: Path(DEFINITE)}, body)
            )
        finally:
            self.live -= 1

    def _bare(self, work: Work, given: dict[str, Abstract], state: State) -> Summary:
        frame, raw = self._activated(work, given, {state: Path(DEFINITE)}, None)
        return _settled(frame, raw)

    def _activated(
        self, work: Work, given: dict[str, Abstract], entry: States,
        on_yield: Callable[[Frame, States], Outcomes] | None,
    ) -> tuple[Frame, Outcomes]:  # fmt: skip
        frame = self.engine.frame(work)
        frame.on_yield = on_yield
        self.live += 1
        try:
            states: States = {}
            known: dict[Place, Abstract] = {
                (frame.number, name): value
                for name, value in given.items()
                if name in frame.tracked or value[0] in ("exception", "exception type")
            }
            for state, path in entry.items():
                put(states, State(state.auto, {**state.env, **known}) if known else state, path)
            return frame, self.engine.block(frame, frame.scope.body, states)
        finally:
            self.live -= 1

    def activate(
        self, frame: Frame, number: int, target: Target, entry: States,
        on_yield: Callable[[Frame, States], Outcomes],
    ) -> tuple[Frame, Outcomes]:  # fmt: skip
        """Run a generator function; the answer still holds what its frame knows."""
        assert target.work is not None
        if self.live > self.engine.nesting:
            raise TooComplex
        work = self._with_callables(frame, number, target)
        pairs = supplied.arguments(self.engine, frame, number, target)
        known = supplied.defaults(self.engine, frame, number, target)
        for name, node in pairs:
            # It may have been made some time ago: what variables hold now says nothing of what it was given.
            value = self.engine.truth.evaluate(frame, node, State("", {}))
            if value is not None:
                known[name] = value
        return self._activated(work._replace(layers=0), known, entry, on_yield)


def _settled(frame: Frame, raw: Outcomes) -> Summary:
    gone = frame.own
    ended: Ended = {}
    for state, path in raw.normal.items():
        put(ended, (state.without(gone), NOTHING), path)
    for state, path in raw.returned.items():
        put(ended, (state.without(gone), state.env.get((frame.number, RESULT))), path)
    raised: Raised = {}
    for (state, kind), path in raw.raised.items():
        key: tuple[State, Kind] = (state.without(gone), kind)
        put(raised, key, path)
    return Summary(ended, raised)


def _merged(after: State, rest: dict[Place, Abstract]) -> State:
    return State(after.auto, {**rest, **after.env}) if rest else after


def _unknown(state: State) -> Summary:
    """A function that is not followed any further may do what any other may."""
    return Summary({(state, None): Path(DEFINITE)}, {(state, ANY): Path(PROBABLE), (state, EXIT): Path(POSSIBLE)})


def _forgotten(work: Work, state: State) -> State:
    """The state without what is known of the receiver of a function that is not followed."""
    return state if work.this is None else state.without(frozenset((work.this.number,)))


def _same(one: Summary, other: Summary) -> bool:
    def grades(paths: dict[tuple[State, object], Path]) -> dict[tuple[State, object], int]:
        return {key: path.grade for key, path in paths.items()}

    return grades(one.ended) == grades(other.ended) and grades(one.raised) == grades(other.raised)  # type: ignore[arg-type]


def _is_closure(work: Work) -> bool:
    """Whether a function, or one that is handed to it, shares variables with an active one."""
    return work.outer is not None or any(_is_closure(each) for _, works in work.callables for each in works)
