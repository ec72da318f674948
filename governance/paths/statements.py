"""Statements: how each step of a statement tree turns the states before it into the states at its exits."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from governance.facts import Block, Step
from governance.paths import calls, generators, managers, patterns, rounds, stacks, targets, tries, unrolled
from governance.paths.abstract import SOME
from governance.paths.exceptions import ANY, GENERATOR_EXIT
from governance.paths.frames import CLOSING, HANDLED, RESULT, Frame
from governance.paths.outcomes import POSSIBLE, PROBABLE, Outcomes, States, merge, put

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_ROUNDS: Final = 60
_ITERATED: Final = frozenset("values items keys range enumerate zip sorted reversed list tuple set dict".split())
_BUILTIN: Final = frozenset((f"builtins.{name}",) for name in "dict list tuple set frozenset str bytes range".split())


def block(engine: Engine, frame: Frame, steps: Block, entry: States) -> Outcomes:
    """Run steps one after the other."""
    out = Outcomes()
    current = entry
    for step in steps:
        if not current:
            break
        engine.spend(len(current))
        current = engine.narrowed(current)
        rule = _STEPS.get(step[0])
        if rule is None:
            continue
        after = rule(engine, frame, step, current)
        current = after.normal
        out.absorb(after)
    out.normal = current
    return out


def _bind(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    _, name, node = step
    fact = frame.facts.nodes[node]
    place = frame.stored(name)
    # What is known of the inside of the object that the name held until now is known no longer.
    inside = [each for each in frame.tracked if isinstance(each, tuple) and each[1] == name]
    after: States = {}
    for state, path in entry.items():
        current = state
        if fact[0] == "exception":
            handled = state.env.get((frame.number, HANDLED))
            handled = handled[:2] if handled is not None else None
            current = current.with_value((frame.number, ("exception", node)), handled)
            if place is not None:
                current = current.with_value(place, handled or SOME)
        elif place is not None:
            current = current.with_value(place, engine.truth.stored(frame, node, state))
        for key in inside:
            current = current.with_value((frame.number, key), None)
        put(after, current, path)
    return Outcomes(after)


def _store(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    node = step[1]
    fact = frame.facts.nodes[node]
    if fact[0] == "delete_item":
        return calls.subscript(engine, frame, step, entry)
    place, _ = engine.truth.place(frame, node) if fact[0].startswith("store") else (None, False)
    if place is None:
        return Outcomes(entry)
    after: States = {}
    for state, path in entry.items():
        put(after, state.with_value(place, engine.truth.stored(frame, fact[3], state)), path)
    return Outcomes(after)


def _if(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    _, test, then, other = step
    true, false = split(engine, frame, test, entry, (engine.pays(frame, then), engine.pays(frame, other)))
    out = block(engine, frame, then, true)
    out.absorb_all(block(engine, frame, other, false))
    return out


def split(
    engine: Engine, frame: Frame, test: int, entry: States, pays: tuple[bool, bool] = (False, False)
) -> tuple[States, States]:
    """The states in which a test is true and those in which it is false. pays: whether each arm does what is owed."""
    sides: tuple[States, States] = ({}, {})
    for number, wanted in enumerate((True, False)):
        event = None
        if pays[1 - number] and not pays[number]:
            text = f"`{engine.text(frame.ref(test))}` is {'true' if wanted else 'false'}"
            event = frame.event("branch", test, text)
        for state, path in entry.items():
            for after, grade in engine.truth.assume(frame, test, wanted, state):
                put(sides[number], after, path.then(event, grade))
    return sides


def _loop(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    _, kind, head, test, body, orelse = step
    source = generators.source_of(engine, frame, head)
    if source is not None:
        return generators.iterate(engine, frame, source, step, entry)
    called = unrolled.functions(engine, frame, step)
    if called is not None:
        return unrolled.run(engine, frame, step, *called, entry)
    ready = Outcomes()
    seen: States = {}
    todo = dict(entry)
    finished: States = {}
    paying = engine.pays(frame, body)
    first = True
    certain = kind != "while" and rounds.one_is_sure(engine.index, frame.module, head)
    for _ in range(_ROUNDS):
        if not todo:
            break
        started = block(engine, frame, head, todo)
        ready.absorb(started)
        if kind == "while":
            inside, outside = split(engine, frame, test, started.normal)
        else:
            inside, outside = started.normal, {} if first and certain else started.normal
        if first and paying:
            # Left without a single round: the path is told so, should it turn out to owe something.
            note = frame.event("loop", _place_of(frame, head, test, step), "the loop makes no round")
            outside = {state: path.then(note) for state, path in outside.items()}
        for state, path in outside.items():
            put(finished, state, path)
        after = block(engine, frame, body, inside)
        merge(ready.returned, after.returned.items())
        merge(ready.raised, after.raised.items())
        merge(ready.normal, after.broke.items())
        todo = {}
        for again in (after.normal, after.continued):
            for state, path in again.items():
                if put(seen, state, path):
                    todo[state] = path
        first = False
    ended = block(engine, frame, orelse, finished)
    ready.absorb_all(ended)
    return ready


def _place_of(frame: Frame, head: Block, test: int, step: Step) -> int:
    if test >= 0:
        return test
    for inner in head:
        if inner[0] == "next":
            return int(inner[1])
    return int(step[3])


def _next(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    source = frame.facts.nodes[step[1]]
    out = Outcomes(entry)
    if source[2]:
        calls.suspended(engine, frame, step[1], entry, out)
    elif not _plain_iteration(engine, frame, source[1]):
        calls.may_raise(frame, step[1], entry, out, POSSIBLE, "iteration")
    return out


def _plain_iteration(engine: Engine, frame: Frame, source: int) -> bool:
    origin = frame.facts.nodes[frame.origin(source)]
    if origin[0] == "call" and targets.last_of(frame, origin[1]) in _ITERATED:
        return True
    values = engine.index.values(frame.ref(source))
    return bool(values) and all(value[0] == "cont" or value[1:2] in _BUILTIN for value in values)


def _match(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    _, at, subject, cases, exhaustive = step
    out = Outcomes()
    remaining = entry
    paying = [engine.pays(frame, case[3]) for case in cases]
    for position, (test, guard_block, guard, body) in enumerate(cases):
        certain = exhaustive and position == len(cases) - 1
        matched, remaining = _case(engine, frame, subject, test, certain, remaining)
        if guard >= 0:
            guarded = block(engine, frame, guard_block, matched)
            out.absorb(guarded)
            matched, missed = split(engine, frame, guard, guarded.normal)
            for state, path in missed.items():
                put(remaining, state, path)
        if any(paying) and not paying[position]:
            event = frame.event("branch", at, "a case that does nothing about it is taken")
            matched = {state: path.then(event) for state, path in matched.items()}
        after = block(engine, frame, body, matched)
        out.absorb_all(after)
    if any(paying):
        event = frame.event("branch", at, "no case matches")
        remaining = {state: path.then(event) for state, path in remaining.items()}
    for state, path in remaining.items():
        put(out.normal, state, path)
    return out


def _case(engine: Engine, frame: Frame, subject: int, test: int, certain: bool, entry: States) -> tuple[States, States]:
    """The states in which a case matches, and those in which it may not."""
    if certain:
        return entry, {}
    matched: States = {}
    remaining: States = {}
    fact = frame.facts.nodes[test]
    for state, path in entry.items():
        known = engine.truth.evaluate(frame, subject, state)
        answer = patterns.matches(engine, frame, fact[2], known, state) if fact[0] == "matches" else None
        if answer is not False:
            put(matched, state, path)
        if answer is not True:
            put(remaining, state, path)
    return matched, remaining


def _return(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    out = Outcomes()
    event = frame.event("left", step[1], "return")
    for state, path in entry.items():
        value = engine.truth.evaluate(frame, step[2], state) if step[2] >= 0 else ("const", "none", None)
        put(out.returned, state.with_value((frame.number, RESULT), value), path.then(event))
    return out


def _raise(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    out = Outcomes()
    _, at, exception, _cause = step
    event = frame.event("raised", at, "raise")
    for state, path in entry.items():
        if exception < 0:
            handled = state.env.get((frame.number, HANDLED))
            kinds: list[Any] = [handled[1]] if handled is not None else [ANY]
        else:
            caught = state.env.get((frame.number, ("exception", frame.origin(exception))))
            kinds = [caught[1]] if caught is not None else engine.exceptions.of_raise(frame.ref(exception))
        for kind in kinds:
            put(out.raised, (state, kind), path.then(event))
    return out


def _break(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    out = Outcomes()
    out.broke = dict(entry)
    return out


def _continue(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    out = Outcomes()
    out.continued = dict(entry)
    return out


def _assert(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    _, at, test, failing = step
    true, false = split(engine, frame, test, entry)
    out = block(engine, frame, failing, false)
    failed = out.normal
    out.normal = true
    event = frame.event("raised", at, "assert")
    for state, path in failed.items():
        put(out.raised, (state, ("builtin", "AssertionError")), path.then(event, PROBABLE))
    return out


def _yield(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    fact = frame.facts.nodes[step[1]]
    if fact[0] == "yieldfrom":
        inner = generators.delegate(engine, frame, fact[1], entry)
        if inner is not None:
            return inner
    return yielded(engine, frame, step[1], entry)


def yielded(engine: Engine, frame: Frame, node: int, entry: States) -> Outcomes:
    """A yield: what stands around it runs; whoever consumes the generator may drop it here."""
    if frame.on_yield is not None:
        return frame.on_yield(frame, entry)
    out = Outcomes(entry)
    event = frame.event("yielded", node, "the consumer may drop the generator at this yield")
    place = (frame.number, CLOSING)
    for state, path in entry.items():
        if place in state.env:
            # It yields although it is being closed: nobody takes it up again.
            put(engine.lost, state, path.then(event))
        put(out.raised, (state.with_value(place, ("closing",)), GENERATOR_EXIT), path.then(event, PROBABLE))
    return out


def _define(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    fact = frame.facts.nodes[step[1]]
    if fact[0] == "function" and frame.facts.scopes[fact[1]].decorators:
        return stacks.decorated(engine, frame, step[1], entry)
    return Outcomes(entry)


def _import(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    out = Outcomes(entry)
    node = frame.facts.nodes[step[1]]
    if any(entity[0] == "ext" for entity in engine.index.names.imported(frame.module, node)):
        kind = ("builtin", "ImportError")
        for state, path in entry.items():
            put(out.raised, (state, kind), path.then(frame.event("raised", step[1], "import"), POSSIBLE))
    return out


Rule = Callable[["Engine", Frame, Step, States], Outcomes]

_STEPS: Final[dict[str, Rule]] = {
    "call": calls.call, "await": calls.awaited, "yield": _yield, "attr": calls.attribute, "sub": calls.subscript,
    "bind": _bind, "store": _store, "import": _import, "if": _if, "loop": _loop, "next": _next, "try": tries.run,
    "with": managers.run, "match": _match, "return": _return, "raise": _raise, "break": _break,
    "define": _define,
    "continue": _continue, "assert": _assert,
}  # fmt: skip
