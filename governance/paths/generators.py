"""Generators: a project generator runs around what consumes it, from yield to yield."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from governance.facts import Block, Step
from governance.paths.exceptions import GENERATOR_EXIT
from governance.paths.frames import PENDING, Frame
from governance.paths.outcomes import DEFINITE, PROBABLE, Abstract, Outcomes, Path, Raised, State, States, put

if TYPE_CHECKING:
    from governance.paths.engine import Engine
    from governance.paths.targets import Target

Source = tuple[int, "list[Target]"]
"""The call that makes a generator and what it may run."""


def source_of(engine: Engine, frame: Frame, head: Block) -> Source | None:
    """The generator a loop is over, if it is one of the project that matters to the contract."""
    for step in head:
        if step[0] == "next":
            return made_by(engine, frame, frame.facts.nodes[step[1]][1])
    return None


def made_by(engine: Engine, frame: Frame, node: int) -> Source | None:
    """The project generators an expression may be, if they matter; the call that makes them."""
    number = frame.origin(node)
    if frame.facts.nodes[number][0] != "call":
        return None
    found = engine.targets(frame, number)
    relevant = [
        target
        for target in found
        if target.kind == "run" and target.deferred == "generator" and target.work and engine.matters(target.work)
    ]
    return (number, found) if relevant and all(target.deferred == "generator" for target in found) else None


_EAGER: Final = frozenset(
    ("collections.deque", *(f"builtins.{name}" for name in "list tuple set frozenset dict sorted sum max min".split()))
)
_EAGER_METHODS: Final = frozenset(("extend", "extendleft", "update", "join", "writelines"))
_WRAPPERS: Final = frozenset(f"builtins.{name}" for name in "enumerate iter zip filter map".split())
_DEPTH: Final = 4


def used_up(engine: Engine, frame: Frame, number: int) -> list[Source]:
    """The generators that a call runs to their end: `list(g)`, `dict(enumerate(g))`, `lines.extend(g)`.

    One that is made where it is unpacked runs there: `[*steps()]`, `first, second = steps()`.
    """
    fact = frame.facts.nodes[number]
    users = (frame.facts.nodes[user] for _, user in engine.index.project.users(frame.ref(number)))
    if any(user[0] in ("star", "unpack") for user in users) and (source := made_by(engine, frame, number)) is not None:
        return [source]
    callee = frame.facts.nodes[fact[1]]
    is_eager = (callee[0] == "attr" and callee[2] in _EAGER_METHODS) or engine.index.externals(
        frame.ref(number)
    ) & _EAGER
    return [source for each in fact[2] for source in _inside(engine, frame, each, _DEPTH)] if is_eager else []


def _inside(engine: Engine, frame: Frame, node: int, depth: int) -> Iterator[Source]:
    source = made_by(engine, frame, node)
    if source is not None:
        yield source
        return
    number = frame.origin(node)
    fact = frame.facts.nodes[number]
    if fact[0] == "call" and depth and engine.index.externals(frame.ref(number)) & _WRAPPERS:
        for each in fact[2]:
            yield from _inside(engine, frame, each, depth - 1)


def iterate(engine: Engine, frame: Frame, source: Source, step: Step, entry: States) -> Outcomes:
    """A loop over such a generator: the body runs at its yields; leaving the loop early drops the generator."""
    _, kind, _head, _test, body, orelse = step
    out = Outcomes()
    exhausted: States = {}

    def deliver(pending: Abstract, state: State, path: Path) -> None:
        if pending[1] == "broke":
            put(out.normal, state, path)
        elif pending[1] == "returned":
            put(out.returned, state, path)
        else:
            put(out.raised, (state, pending[2]), path)

    def on_yield(generator: Frame, states: States) -> Outcomes:
        inside = engine.block(frame, body, states)
        resumed = Outcomes()
        for each in (inside.normal, inside.continued):
            for state, path in each.items():
                put(resumed.normal, state, path)
        left: list[tuple[State, Abstract, Path]] = [
            *((state, ("pending", "broke"), path) for state, path in inside.broke.items()),
            *((state, ("pending", "returned"), path) for state, path in inside.returned.items()),
            *((state, ("pending", "raised", kind), path) for (state, kind), path in inside.raised.items()),
        ]
        for state, pending, path in left:
            if kind == "async-for":
                # An asynchronous generator that is dropped is closed some time later, by the event loop.
                deliver(pending, state.without(generator.own), path)
            else:
                waiting = state.with_value((generator.number, PENDING), pending)
                put(resumed.raised, (waiting, GENERATOR_EXIT), path)
        return resumed

    for generator, raw in _activations(engine, frame, source, entry, on_yield):
        gone = generator.own
        for states in (raw.normal, raw.returned):
            for state, path in states.items():
                pending = state.env.get((generator.number, PENDING))
                if pending is None:
                    put(exhausted, state.without(gone), path)
                else:
                    deliver(pending, state.without(gone), path)
        for (state, raised), path in raw.raised.items():
            pending = state.env.get((generator.number, PENDING))
            if raised == GENERATOR_EXIT and pending is not None:
                deliver(pending, state.without(gone), path)
            else:
                put(out.raised, (state.without(gone), raised), path)
    out.absorb_all(engine.block(frame, orelse, exhausted))
    return out


def delegate(engine: Engine, frame: Frame, node: int, entry: States) -> Outcomes | None:
    """`yield from` such a generator; None if the expression is none."""
    source = made_by(engine, frame, node)
    if source is None:
        return None
    return _run(engine, frame, source, entry, lambda _, states: engine.yielded(frame, node, states))


def _run(
    engine: Engine, frame: Frame, source: Source, entry: States, on_yield: Callable[[Frame, States], Outcomes]
) -> Outcomes:
    out = Outcomes()
    for generator, raw in _activations(engine, frame, source, entry, on_yield):
        gone = generator.own
        for states in (raw.normal, raw.returned):
            for state, path in states.items():
                put(out.normal, state.without(gone), path)
        for (state, kind), path in raw.raised.items():
            put(out.raised, (state.without(gone), kind), path)
    return out


def _activations(
    engine: Engine, frame: Frame, source: Source, entry: States, on_yield: Callable[[Frame, States], Outcomes]
) -> list[tuple[Frame, Outcomes]]:
    number, found = source
    result = []
    for target in found:
        graded = {state: path.then(None, target.grade) for state, path in entry.items()}
        result.append(engine.runs.activate(frame, number, target, graded, on_yield))
    return result


def around(engine: Engine, frame: Frame, source: Source, entry: States, body: Callable[[States], Outcomes]) -> Outcomes:
    """A `with` over a generator made into a context manager: the body runs at its one yield."""
    out = Outcomes()

    def on_yield(generator: Frame, states: States) -> Outcomes:
        place = (generator.number, PENDING)
        resumed = Outcomes()
        fresh: States = {}
        for state, path in states.items():
            if place in state.env:
                put(resumed.raised, (state, ("builtin", "RuntimeError")), path)
            else:
                put(fresh, state, path)
        inside = body(fresh)
        for word, ended in (
            ("normal", inside.normal), ("returned", inside.returned), ("broke", inside.broke),
            ("continued", inside.continued),
        ):  # fmt: skip
            for state, path in ended.items():
                put(resumed.normal, state.with_value(place, ("pending", word)), path)
        for (state, kind), path in inside.raised.items():
            put(resumed.raised, (state.with_value(place, ("pending", "thrown")), kind), path)
        return resumed

    for generator, raw in _activations(engine, frame, source, entry, on_yield):
        _deliver(frame, source[0], generator, raw, out)
    return out


def _deliver(frame: Frame, number: int, generator: Frame, raw: Outcomes, out: Outcomes) -> None:
    """The generator has ended: go on as the body had ended."""
    gone = generator.own
    swallowed = frame.event("swallowed", number, "the context manager swallows the exception")
    for states in (raw.normal, raw.returned):
        for state, path in states.items():
            pending = state.env.get((generator.number, PENDING))
            after = state.without(gone)
            if pending is None:
                event = frame.event("raised", number, "the context manager does not yield")
                put(out.raised, (after, ("builtin", "RuntimeError")), path.then(event, PROBABLE))
            elif pending[1] == "thrown":
                put(out.normal, after, path.then(swallowed))
            else:
                target: States = getattr(out, str(pending[1]))
                put(target, after, path)
    raised: Raised = raw.raised
    for (state, kind), path in raised.items():
        put(out.raised, (state.without(gone), kind), path)


def before_yield(engine: Engine, frame: Frame, source: Source, entry: States, out: Outcomes) -> States:
    """Run a generator made into a context manager up to its yield; answers the states there."""
    reached: States = {}

    def on_yield(generator: Frame, states: States) -> Outcomes:
        for state, path in states.items():
            put(reached, state.without(generator.own), path)
        return Outcomes()

    for generator, raw in _activations(engine, frame, source, entry, on_yield):
        gone = generator.own
        for (state, kind), path in raw.raised.items():
            put(out.raised, (state.without(gone), kind), path)
    return reached


def after_yield(engine: Engine, frame: Frame, source: Source, before: Outcomes) -> Outcomes:
    """Run it from its yield on: up to there it runs in a state that nothing changes, and which is then dropped."""
    mute = State("mute", {})
    after = around(engine, frame, source, {mute: Path(DEFINITE)}, lambda _: before)
    out = Outcomes({state: path for state, path in after.normal.items() if state.auto != mute.auto})
    after.raised = {key: path for key, path in after.raised.items() if key[0].auto != mute.auto}
    out.absorb(after)
    return out
