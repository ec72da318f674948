"""Exit stacks: what is registered with a contextlib.ExitStack runs, last first, when the stack is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.paths import calls, generators, held, managers, targets
from governance.paths.frames import Frame
from governance.paths.outcomes import Abstract, Kind, Outcomes, State, States, put

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_REGISTER: Final = frozenset(
    "callback push enter_context push_async_callback push_async_exit enter_async_context".split()
)
_MOST: Final = 16
"""What is registered beyond this is taken not to run."""


def opened(frame: Frame, stack: int, entry: States) -> States:
    """A stack starts empty."""
    after: States = {}
    for state, path in entry.items():
        put(after, state.with_value((frame.number, ("stack", stack)), ("registered",)), path)
    return after


def registered(engine: Engine, frame: Frame, number: int, entry: States) -> Outcomes | None:
    """A call on a stack of this function: registers something, or unwinds; None for every other call."""
    fact = frame.facts.nodes[number]
    callee = frame.facts.nodes[frame.origin(fact[1])]
    if callee[0] != "attr" or callee[2] not in (*_REGISTER, "close", "aclose", "pop_all"):
        return None
    stack = stack_of(engine, frame, callee[1])
    if stack is None:
        return None
    if callee[2] in ("close", "aclose"):
        return unwound(engine, frame, stack, number, Outcomes(dict(entry)))
    if callee[2] == "pop_all":
        return Outcomes(opened(frame, stack, entry))
    out = Outcomes()
    if callee[2] in ("enter_context", "enter_async_context") and fact[2]:
        for manager in managers.managers(engine, frame, fact[2][0]):
            if manager.source is not None:
                entered = generators.before_yield(engine, frame, manager.source, entry, out)
            else:
                entered = managers.enter_manager(
                    engine, frame, manager, number, callee[2] == "enter_async_context", entry, out
                )
            _push(frame, stack, number, entered, out)
        return out
    _push(frame, stack, number, entry, out)
    return out


def decorated(engine: Engine, frame: Frame, function: int, entry: States) -> Outcomes:
    """`@stack.callback` over a nested function registers it."""
    states = entry
    for decorator in frame.facts.scopes[frame.facts.nodes[function][1]].decorators:
        fact = frame.facts.nodes[decorator]
        if fact[0] == "attr" and fact[2] in ("callback", "push"):
            stack = stack_of(engine, frame, fact[1])
            if stack is not None:
                out = Outcomes()
                _push(frame, stack, function, states, out)
                states = out.normal
    return Outcomes(states)


def _push(frame: Frame, stack: int, item: int, entry: States, out: Outcomes) -> None:
    place = (frame.number, ("stack", stack))
    for state, path in entry.items():
        items = state.env.get(place, ("registered",))
        if len(items) <= _MOST and items.count(item) < 2:
            put(out.normal, state.with_value(place, (*items, item)), path)
        else:
            put(out.normal, state, path)


def stack_of(engine: Engine, frame: Frame, node: int) -> int | None:
    """The call that made the exit stack an expression stands for."""
    number = frame.origin(node)
    fact = frame.facts.nodes[number]
    if fact[0] == "enter":
        number = frame.origin(fact[1])
        fact = frame.facts.nodes[number]
    if fact[0] != "call":
        return None
    made = engine.index.externals(frame.ref(number))
    return number if made & {"contextlib.ExitStack", "contextlib.AsyncExitStack"} else None


def unwound(engine: Engine, frame: Frame, stack: int, at: int, before: Outcomes) -> Outcomes:
    """Everything registered runs, on every way out."""
    place = (frame.number, ("stack", stack))
    out = Outcomes()
    groups: dict[Abstract, Outcomes] = {}

    def group(state: State) -> tuple[State, Outcomes]:
        items = state.env.get(place, ("registered",))
        return state.with_value(place, None), groups.setdefault(items, Outcomes())

    for name in ("normal", "returned", "broke", "continued"):
        states: States = getattr(before, name)
        for state, path in states.items():
            bare, target = group(state)
            put(getattr(target, name), bare, path)
    for (state, kind), path in before.raised.items():
        bare, target = group(state)
        key: tuple[State, Kind] = (bare, kind)
        put(target.raised, key, path)
    for items, left in groups.items():
        current = left
        for item in reversed(items[1:]):
            current = _left(engine, frame, int(item), at, current)
        out.absorb_all(current)
    return out


def _left(engine: Engine, frame: Frame, item: int, at: int, before: Outcomes) -> Outcomes:
    """One registered thing runs."""
    fact = frame.facts.nodes[item]
    if fact[0] == "function":
        return managers.closed_by(engine, frame, at, held.functions_in(engine, frame, item), before)
    callee = frame.facts.nodes[frame.origin(fact[1])]
    name = callee[2]
    if not fact[2]:
        return before
    argument = fact[2][0]
    if name in ("enter_context", "enter_async_context", "push", "push_async_exit"):
        works = held.functions_in(engine, frame, argument) if name.startswith("push") else []
        if not works:
            return _left_manager(engine, frame, argument, at, "async" in name, before)
        return managers.closed_by(engine, frame, at, works, before)
    works = held.functions_in(engine, frame, argument)
    if name == "callback" and any(engine.index.project.scope(work.function).is_async for work in works):
        return before  # makes a coroutine that nobody awaits
    if not works:
        return _unknown(engine, frame, item, argument, before)
    return managers.closed_by(engine, frame, at, works, before)


def _left_manager(engine: Engine, frame: Frame, context: int, at: int, is_async: bool, before: Outcomes) -> Outcomes:
    out = Outcomes()
    for manager in managers.managers(engine, frame, context):
        if manager.source is not None:
            out.absorb_all(generators.after_yield(engine, frame, manager.source, _copied(before)))
        else:
            out.absorb_all(managers.leave_manager(engine, frame, manager, at, is_async, _copied(before)))
    return out


def _copied(before: Outcomes) -> Outcomes:
    copy = Outcomes()
    copy.absorb_all(before)
    return copy


def _unknown(engine: Engine, frame: Frame, item: int, argument: int, before: Outcomes) -> Outcomes:
    """A callback that is not known: trusted by its name where the contract trusts names, else it may raise."""
    fact = frame.facts.nodes[frame.origin(argument)]
    if fact[0] == "attr" and fact[2] in engine.duty.names and engine.trusting:
        engine.note_duty(frame.ref(item), targets.Target(targets.DUTY, 0, assumed=True))
        out = Outcomes()
        for name in ("normal", "returned", "broke", "continued"):
            states: States = getattr(before, name)
            for state, path in states.items():
                put(getattr(out, name), state.moved(engine.automaton.move(state.auto, "duty")), path)
        for (state, kind), path in before.raised.items():
            put(out.raised, (state.moved(engine.automaton.move(state.auto, "duty")), kind), path)
        return out
    for name in ("normal", "returned", "broke", "continued"):
        calls.may_raise(frame, item, getattr(before, name), before, 2, engine.text(frame.ref(argument)))
    return before
