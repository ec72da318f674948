"""Calls: what happens on the paths through one call, attribute load, subscript or await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.facts import Step
from governance.paths import arms, assumptions, automaton, deferred, generators, stacks, targets
from governance.paths.abstract import truthiness
from governance.paths.exceptions import ANY, CANCELLED, EXIT
from governance.paths.frames import Frame, Work
from governance.paths.outcomes import DEFINITE, POSSIBLE, PROBABLE, Abstract, Outcomes, States, put
from governance.paths.targets import Target

if TYPE_CHECKING:
    from governance.paths.engine import Engine


_TO_THE_END: Final[Step] = ["loop", "for", [], -1, [], []]
"""A loop that does nothing with what it gets."""


def call(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    """The call step: everything the call may do, side by side."""
    number = step[1]
    if ("call", number) in frame.tracked:
        # Whatever an earlier round of a loop knew of the result is about another call.
        place = (frame.number, ("call", number))
        fresh: States = {}
        for state, path in entry.items():
            put(fresh, state.with_value(place, None), path)
        entry = fresh
    entry = engine.constructed(frame, number, entry)
    registered = stacks.registered(engine, frame, number, entry)
    if registered is not None:
        return registered
    joined = deferred.joined_by_method(engine, frame, number)
    out = Outcomes()
    if joined:
        entry = perform_all(engine, frame, joined, entry, out)
    if waited := deferred.waited_for(engine, frame, number):
        quiet = Outcomes()
        entry = dict(perform_all(engine, frame, waited, entry, quiet))
        for (state, _), path in quiet.raised.items():
            put(entry, state, path)
    for source in generators.used_up(engine, frame, number):
        ran = generators.iterate(engine, frame, source, _TO_THE_END, entry)
        out.absorb(ran)
        entry = ran.normal
    for target in engine.targets(frame, number):
        apply(engine, frame, number, target, arms.fitting(engine, frame, number, target, entry), out)
    out.normal = _filled(engine, frame, number, out.normal)
    if number in engine.left_out(frame) and engine.call_pays(frame, number):
        event = frame.event("branch", number, "python -O leaves the assert out")
        for state, path in entry.items():
            put(out.normal, state, path.then(event))
    return out


_FILLING: Final[dict[str, Abstract]] = {
    **dict.fromkeys(("append", "add", "appendleft", "insert"), ("truthy", "soft")),
    "clear": ("falsy", "soft"),
}
"""Methods after which it is known whether there is something in a container."""


def _filled(engine: Engine, frame: Frame, number: int, states: States) -> States:
    """The states after a call that puts something into a container, or empties it."""
    callee = frame.facts.nodes[frame.facts.nodes[number][1]]
    value = _FILLING.get(callee[2]) if callee[0] == "attr" else None
    place, is_variable = engine.truth.place(frame, callee[1]) if value is not None else (None, False)
    if place is None or not is_variable:
        return states
    after: States = {}
    for state, path in states.items():
        put(after, state.with_value(place, value), path)
    return after


def apply(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """One thing a call may do, when the call is evaluated."""
    if target.deferred and not (target.deferred == "generator" and target.kind != targets.RUN):
        _made(engine, frame, number, target, entry, out)
    else:
        perform(engine, frame, number, target, entry, out)


def _made(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """A coroutine or generator is made: nothing of it runs here, unless nobody can tell where it does."""
    if target.deferred == "generator" or number in engine.awaited_calls(frame):
        _pass(entry, out)
        return
    name = engine.text(frame.ref(number))
    triggers = target.kind == targets.TRIGGER or (target.work is not None and engine.triggers_in(target.work))
    if triggers and _is_used(engine, frame, number):
        _note_detached(engine, frame, number)
        if target.kind == targets.TRIGGER:
            engine.note_site(frame.ref(number), target)
            handed = frame.event("trigger", number, f"{name} is handed on without being awaited here")
            for state, path in entry.items():
                moved = state.moved(engine.automaton.move(state.auto, automaton.TRIGGER))
                put(out.normal, moved, path.then(handed, target.grade))
        else:
            _pass(entry, out)
            _may_owe(engine, frame, number, target, entry, out)
        return
    event = None
    if target.kind == targets.DUTY or (target.work is not None and engine.pays_in(target.work)):
        event = frame.event("unawaited", number, f"{name} is never awaited, so it does not run")
    for state, path in entry.items():
        put(out.normal, state, path.then(event))


def _may_owe(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """Something runs at some time: whether it does what is owed cannot be relied on, but it may make it owed."""
    after = Outcomes()
    perform(engine, frame, number, target, entry, after)
    for state, path in after.normal.items():
        if state.auto in engine.automaton.owing or state.auto in engine.automaton.wrong:
            put(out.normal, state, path)


def _note_detached(engine: Engine, frame: Frame, coroutine: int) -> None:
    """A coroutine is made into a task whose end nobody here waits for."""
    for _, user in engine.index.project.users(frame.ref(coroutine)):
        fact = frame.facts.nodes[user]
        if fact[0] == "call" and targets.last_of(frame, fact[1]) in assumptions.TASKS:
            _note_started(engine, frame, user)


def _note_started(engine: Engine, frame: Frame, call: int) -> None:
    """Work is started elsewhere: unless what stands for it is used, or a group waits for it, it is on its own."""
    callee = frame.facts.nodes[frame.origin(frame.facts.nodes[call][1])]
    in_group = callee[0] == "attr" and frame.facts.nodes[frame.origin(callee[1])][0] == "enter"
    uses = [frame.facts.nodes[number] for _, number in engine.index.uses(frame.ref(call))]
    waited = any(use[0] != "attr" or use[2] not in assumptions.STARTING for use in uses)
    handed_back = call in frame.scope.results and frame.number > 0  # to a caller that may wait for it
    if not in_group and not waited and not handed_back:
        engine.detached.setdefault(frame.ref(call))


def _is_used(engine: Engine, frame: Frame, number: int) -> bool:
    """Whether what a call gives goes anywhere."""
    return number in (*frame.scope.results, *frame.scope.yields) or bool(engine.index.project.users(frame.ref(number)))


def _pass(entry: States, out: Outcomes) -> None:
    for state, path in entry.items():
        put(out.normal, state, path)


def perform(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """One thing that runs now."""
    ref = frame.ref(number)
    kind = target.kind
    if kind == targets.SAFE:
        _pass(entry, out)
    elif kind == targets.RAISES:
        _pass(entry, out)
        may_raise(frame, number, entry, out, PROBABLE, engine.text(ref))
    elif kind == targets.EXIT:
        event = frame.event("raised", number, engine.text(ref))
        for state, path in entry.items():
            put(out.raised, (state, ("builtin", "SystemExit")), path.then(event))
    elif kind == targets.TRIGGER:
        trigger(engine, frame, number, target, entry, out)
    elif kind == targets.DUTY:
        duty(engine, frame, number, target, entry, out)
    elif kind == targets.HANDS:
        _hand_over(engine, frame, number, target, entry, out)
    elif kind == targets.RUN:
        ran = Outcomes() if target.harmless else out
        engine.runs.call(frame, number, target, entry, ran)
        if target.harmless:
            _pass(ran.normal or entry, out)


def trigger(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """The call after which the duty is owed: it may end, raise, or be left by an exit."""
    engine.note_site(frame.ref(number), target)
    text = engine.text(frame.ref(number))
    entered = frame.event("trigger", number, f"{text} is entered")
    raised = frame.event("raised", number, f"{text}")
    for state, path in entry.items():
        after = state.moved(engine.automaton.move(state.auto, automaton.TRIGGER))
        # Where all is lost before, this is not the call that lost it.
        onward = path.then(entered if state.auto not in engine.automaton.wrong else None, target.grade)
        put(out.normal, after, onward)
        if not target.harmless:
            put(out.raised, (after, ANY), onward.then(raised))
            put(out.raised, (after, EXIT), onward.then(raised, PROBABLE))


def duty(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """The call that is owed. Trying is enough for what must follow; for what must come before it has to succeed."""
    engine.note_duty(frame.ref(number), target)
    text = engine.text(frame.ref(number))
    event = frame.event("duty", number, f"{text} is called")
    raised = frame.event("raised", number, text)
    for state, path in entry.items():
        after = state.moved(engine.automaton.move(state.auto, automaton.DUTY))
        # The receiver being unknown makes the proof weaker, not a path that pays more doubtful.
        onward = path.then(event, DEFINITE if target.assumed else max(target.grade, POSSIBLE))
        put(out.normal, after, onward)
        failed = after if engine.automaton.attempt else state
        put(out.raised, (failed, ANY), onward.then(raised, PROBABLE))


def may_raise(frame: Frame, number: int, entry: States, out: Outcomes, grade: int, text: str) -> None:
    """Something of which nothing is known may raise."""
    event = frame.event("raised", number, text)
    for state, path in entry.items():
        put(out.raised, (state, ANY), path.then(event, grade))
        put(out.raised, (state, EXIT), path.then(event, POSSIBLE))


def suspended(engine: Engine, frame: Frame, number: int, entry: States, out: Outcomes) -> None:
    """The coroutine waits here: it may be cancelled."""
    event = frame.event("raised", number, f"cancellation at `{engine.text(frame.ref(number))}`")
    for state, path in entry.items():
        put(out.raised, (state, CANCELLED), path.then(event, PROBABLE))


def _hand_over(engine: Engine, frame: Frame, number: int, target: Target, entry: States, out: Outcomes) -> None:
    """Functions are given to something outside the project, which may run them at once, later, or never."""
    name = targets.last_of(frame, frame.facts.nodes[number][1])
    awaited = name in assumptions.JOINED_ON_AWAIT
    if awaited and number in engine.awaited_calls(frame):
        _pass(entry, out)
        return
    at_once = name in assumptions.RUN_AT_ONCE
    text = engine.text(frame.ref(number))
    if engine.index.externals(frame.ref(number)) & assumptions.LAZY and not _is_used(engine, frame, number):
        unused = frame.event("unawaited", number, f"nothing goes through what {text} gives, so nothing of it runs")
        for state, path in entry.items():
            put(out.normal, state, path.then(unused))
        return
    if not at_once:
        event = None
        if number not in engine.awaited_calls(frame) and any(engine.pays_in(work) for work in target.works):
            event = frame.event("unawaited", number, f"{text} does not wait for it")
        for state, path in entry.items():
            put(out.normal, state, path.then(event))
    for work in target.works:
        if not at_once and work.function in engine.duty.functions:
            continue
        inner = Target(_kind_of(engine, work), min(work.grade, PROBABLE), work)
        if at_once:
            perform(engine, frame, number, inner, entry, out)
            continue
        _may_owe(engine, frame, number, inner, entry, out)
        if name in assumptions.STARTED_ELSEWHERE and engine.triggers_in(work):
            _note_started(engine, frame, number)
    if name not in assumptions.STARTED_ELSEWHERE:
        may_raise(frame, number, dict(out.normal), out, PROBABLE, text)


def _kind_of(engine: Engine, work: Work) -> str:
    if work.function in engine.trigger.functions:
        return targets.TRIGGER
    return targets.DUTY if work.function in engine.duty.functions else targets.RUN


def awaited(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    """`await x`: coroutines that x stands for run here; everything else may be cancelled while it is waited for."""
    node = frame.facts.nodes[step[1]][1]
    out = Outcomes()
    alternatives, waits = deferred.carried(engine, frame, node)
    if not alternatives:
        _pass(entry, out)
    for jobs in alternatives:
        after = perform_all(engine, frame, jobs, entry, out)
        _pass(after, out)
    if waits:
        # What is awaited has been started when the wait can be cancelled.
        reached: States = dict(out.normal) if alternatives else entry
        suspended(engine, frame, step[1], reached, out)
        if alternatives:
            may_raise(frame, step[1], reached, out, PROBABLE, engine.text(frame.ref(node)))
    return out


def perform_all(engine: Engine, frame: Frame, jobs: list[deferred.Job], entry: States, out: Outcomes) -> States:
    """Run what an awaitable or future carries; answers the states after all of it."""
    current = entry
    for job in jobs:
        after = Outcomes()
        for target in job.targets:
            perform(engine, job.frame, job.number, target, current, after)
        out.absorb(after)
        current = after.normal
    return current


def attribute(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    """An attribute load: a property of the project runs; afterwards the base is known not to be None."""
    number = step[1]
    fact = frame.facts.nodes[number]
    place, is_variable = engine.truth.place(frame, fact[1])
    if place is not None and is_variable:
        known: States = {}
        for state, path in entry.items():
            value = state.env.get(place)
            if value == ("const", "none", None):
                continue
            put(known, state.with_value(place, ("some",)) if value is None else state, path)
        entry = known or entry
    works = engine.properties(frame, number)
    if not works:
        return Outcomes(entry)
    out = Outcomes()
    for work in works:
        perform(engine, frame, number, Target(_kind_of(engine, work), work.grade, work), entry, out)
    return out


def _missing(engine: Engine, base: Ref) -> str:
    """What is raised if something is not in a container."""
    kinds = {value[1] if value[0] == "cont" else "" for value in engine.index.values(base)}
    return "KeyError" if kinds == {"dict"} else "IndexError" if kinds and kinds <= {"seq", "tuple"} else "LookupError"


_ENDS: Final = frozenset((("const", "int", 0), ("const", "int", -1)))
"""Positions at which there is something in every sequence that is not empty."""


def _is_end(engine: Engine, base: Ref, index: Ref) -> bool:
    positions, sequences = engine.index.values(index), engine.index.values(base)
    is_sequence = bool(sequences) and all(value[:2] == ("cont", "seq") for value in sequences)
    return is_sequence and bool(positions) and positions.keys() <= _ENDS


def subscript(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    """An item load: may raise unless the item is known to be there."""
    out = Outcomes(entry)
    if not engine.has_item(frame, step[1]):
        kind = ("builtin", _missing(engine, frame.ref(frame.facts.nodes[step[1]][1])))
        event = frame.event("raised", step[1], engine.text(frame.ref(step[1])))
        fact = frame.facts.nodes[step[1]]
        at_end = _is_end(engine, frame.ref(fact[1]), frame.ref(fact[2]))
        for state, path in entry.items():
            key, _ = engine.truth.place(frame, step[1])
            filled = at_end and truthiness(engine.truth.evaluate(frame, fact[1], state))
            if not filled and (key is None or key not in state.env):
                put(out.raised, (state, kind), path.then(event, PROBABLE))
    return out
