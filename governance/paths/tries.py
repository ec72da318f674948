"""Try statements: handlers filter what is raised, and `finally` runs on every way out and may overrule it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.facts import Step
from governance.paths.exceptions import MAY, MUST
from governance.paths.frames import HANDLED, Frame
from governance.paths.outcomes import POSSIBLE, Abstract, Kind, Outcomes, Path, Raised, State, States, put

if TYPE_CHECKING:
    from governance.paths.engine import Engine


def run(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    """A whole try statement."""
    _, at, body, handlers, orelse, final, _star = step
    tried = engine.block(frame, body, entry)
    out = Outcomes()
    ended = engine.block(frame, orelse, tried.normal)
    out.absorb_all(ended)
    raised = tried.raised
    tried.raised = {}
    tried.normal = {}
    out.absorb(tried)
    _handle(engine, frame, handlers, raised, out)
    return finish(engine, frame, at, final, out) if final else out


def _handle(
    engine: Engine, frame: Frame, handlers: list[tuple[int, str | None, list[Step]]], raised: Raised, out: Outcomes
) -> None:
    classes = [engine.exceptions.of_handler(frame.module, types) for types, _, _ in handlers]
    entries: list[States] = [{} for _ in handlers]
    for (state, kind), path in raised.items():
        passing = path
        for position, known in enumerate(classes):
            named = _given(frame, handlers[position][0], state) or known
            answers = {engine.exceptions.caught(kind, handler): handler for handler in named}
            if MUST in answers or MAY in answers:
                types, _, _ = handlers[position]
                caught: Kind = kind if MUST in answers else answers[MAY] or kind
                # Which class an unknown `except X` names cannot be told: both ways are open, neither for sure.
                certain = not (MAY in answers and answers[MAY] is None and MUST not in answers)
                event = frame.event("caught", types, "an exception is caught")
                grade = path.grade if certain else min(path.grade, POSSIBLE)
                put(entries[position], _handling(frame, state, caught), Path(grade, path.trail).then(event))
            if MUST in answers:
                break
        else:
            put(out.raised, (state, kind), passing)
    for position, (_, _, block) in enumerate(handlers):
        after = engine.block(frame, block, entries[position])
        out.absorb_all(_restored(frame, after))


def _given(frame: Frame, types: int, state: State) -> list[Kind | None]:
    """The classes that a decorator was given: `except kinds` with `def shield(*kinds)` around it."""
    fact = frame.facts.nodes[types]
    place = frame.loaded(str(fact[1])) if fact[0] == "free" else None
    value = state.env.get(place) if place is not None else None
    return list(value[2]) if value is not None and value[:2] == ("const", "classes") else []


def _handling(frame: Frame, state: State, kind: Kind) -> State:
    place = (frame.number, HANDLED)
    return state.with_value(place, ("exception", kind, state.env.get(place)))


def _restored(frame: Frame, after: Outcomes) -> Outcomes:
    """Leaving a handler: what was handled before it is handled again."""
    out = Outcomes()
    for source, target in (
        (after.normal, out.normal), (after.returned, out.returned), (after.broke, out.broke),
        (after.continued, out.continued),
    ):  # fmt: skip
        for state, path in source.items():
            put(target, _before(frame, state), path)
    for (state, kind), path in after.raised.items():
        put(out.raised, (_before(frame, state), kind), path)
    return out


def _before(frame: Frame, state: State) -> State:
    place = (frame.number, HANDLED)
    handled = state.env.get(place)
    earlier: Abstract | None = handled[2] if handled is not None else None
    return state.with_value(place, earlier)


def finish(engine: Engine, frame: Frame, at: int, final: list[Step], before: Outcomes) -> Outcomes:
    """Run a `finally` block on every way out; where it ends normally the way out goes on as it was."""
    out = Outcomes()
    note = frame.event("cleanup", at, "the finally block runs") if engine.pays(frame, final) else None

    def through(entry: States, kind: Kind | None = None) -> Outcomes:
        states: States = {}
        for state, path in entry.items():
            put(states, state if kind is None else _handling(frame, state, kind), path.then(note))
        return engine.block(frame, final, states)

    for source, target in (
        (before.normal, out.normal), (before.returned, out.returned), (before.broke, out.broke),
        (before.continued, out.continued),
    ):  # fmt: skip
        if source:
            after = through(source)
            out.absorb(after)
            for state, path in after.normal.items():
                put(target, state, path)
    by_kind: dict[Kind, States] = {}
    for (state, kind), path in before.raised.items():
        put(by_kind.setdefault(kind, {}), state, path)
    for kind, states in by_kind.items():
        after = _restored(frame, through(states, kind))
        out.absorb(after)
        for state, path in after.normal.items():
            put(out.raised, (state, kind), path)
    return out
