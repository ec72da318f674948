"""With statements: what a context manager does when its body is entered and left."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from governance.facts import Step
from governance.index.values import ClassId
from governance.paths import automaton, calls, generators, stacks, targets
from governance.paths.abstract import NOTHING, truthiness
from governance.paths.exceptions import MAY, MUST, NO
from governance.paths.frames import Frame, This, Work
from governance.paths.outcomes import (
    DEFINITE,
    POSSIBLE,
    PROBABLE,
    Abstract,
    Kind,
    Outcomes,
    Path,
    State,
    States,
    put,
)

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_QUIET = (
    "threading.", "logging.", "contextlib.", "warnings.", "time.", "asyncio.Lock", "asyncio.Semaphore",
    "asyncio.BoundedSemaphore", "asyncio.Condition", "multiprocessing.Lock", "multiprocessing.RLock", "decimal.",
    "builtins.open", "io.", "concurrent.futures.", "tempfile.", "unittest.mock.",
)  # fmt: skip
"""Context managers whose entry and exit are taken not to raise: locks, files once open, pools."""


_GROUP: Kind = ("builtin", "ExceptionGroup")
_GROUPS = ("asyncio.TaskGroup", "anyio.create_task_group")


class Manager(NamedTuple):
    """What a `with` item may be. kind: generator, class, suppress, stack, closing, group, quiet, unknown."""

    kind: str
    number: int = -1
    cls: ClassId | None = None
    source: generators.Source | None = None
    grade: int = DEFINITE
    this: This | None = None


def run(engine: Engine, frame: Frame, step: Step, entry: States) -> Outcomes:
    """One `with` item and its body."""
    _, at, enter, body = step
    _, context, is_async = frame.facts.nodes[enter]
    return around(engine, frame, context, at, is_async, entry, lambda states: engine.block(frame, body, states))


def around(
    engine: Engine, frame: Frame, context: int, at: int, is_async: bool, entry: States,
    inside: Callable[[States], Outcomes],
) -> Outcomes:  # fmt: skip
    """Run a body inside what a context expression gives."""
    out = Outcomes()
    for manager in managers(engine, frame, context):
        graded = {state: path.then(None, manager.grade) for state, path in entry.items()}
        out.absorb_all(_with(engine, frame, manager, at, is_async, graded, inside, context))
    return out


def _with(
    engine: Engine, frame: Frame, manager: Manager, at: int, is_async: bool, entry: States,
    inside: Callable[[States], Outcomes], context: int,
) -> Outcomes:  # fmt: skip
    is_duty = _is_duty(engine, frame, manager, context)
    if is_duty:
        engine.note_duty(frame.ref(at), targets.Target(targets.DUTY))
        entry = moved(engine, entry, automaton.OPEN)
    if manager.source is not None:
        out = generators.around(engine, frame, manager.source, entry, inside)
    else:
        out = Outcomes()
        entered = enter_manager(engine, frame, manager, at, is_async, entry, out)
        out.absorb_all(leave_manager(engine, frame, manager, at, is_async, inside(entered)))
    return _closed(engine, out) if is_duty else out


def _is_duty(engine: Engine, frame: Frame, manager: Manager, context: int) -> bool:
    """Whether, for the mode `around`, this is the context manager that has to be open."""
    if manager.cls is not None and manager.cls in engine.duty.classes:
        return True
    number = frame.origin(context)
    if frame.facts.nodes[number][0] != "call":
        return False
    return any(target.kind == targets.DUTY for target in engine.targets(frame, number))


def moved(engine: Engine, entry: States, event: str) -> States:
    """All states after an event."""
    after: States = {}
    for state, path in entry.items():
        put(after, state.moved(engine.automaton.move(state.auto, event)), path)
    return after


def _closed(engine: Engine, before: Outcomes) -> Outcomes:
    out = Outcomes(moved(engine, before.normal, automaton.CLOSE))
    out.returned = moved(engine, before.returned, automaton.CLOSE)
    out.broke = moved(engine, before.broke, automaton.CLOSE)
    out.continued = moved(engine, before.continued, automaton.CLOSE)
    for (state, kind), path in before.raised.items():
        put(out.raised, (state.moved(engine.automaton.move(state.auto, automaton.CLOSE)), kind), path)
    return out


def managers(engine: Engine, frame: Frame, context: int) -> list[Manager]:
    """What the context expression of a `with` may be; never empty."""
    number = frame.origin(context)
    fact = frame.facts.nodes[number]
    if fact[0] == "call":
        generator = _generator(engine, frame, number)
        if generator is not None:
            return [generator]
        for dotted in sorted(engine.index.externals(frame.ref(number))):
            found = _external(dotted, number)
            if found is not None:
                return [found]
    this = frame.this_of(context)
    result: list[Manager] = []
    for value, evidence in sorted(engine.index.values(frame.ref(context)).items(), key=lambda item: repr(item[0])):
        if value[0] in ("inst", "self"):
            cls: ClassId = value[1]
            known = engine.method(cls, "__exit__") or engine.method(cls, "__aexit__")
            result.append(Manager("class" if known else "unknown", number, cls, None, evidence.grade, this))
        elif value[0] == "xinst":
            quiet = value[1].startswith(_QUIET)
            result.append(Manager("quiet" if quiet else "unknown", number))
    return result or [Manager("quiet" if _is_lock(engine, frame, context) else "unknown", number)]


def _is_lock(engine: Engine, frame: Frame, context: int) -> bool:
    """An unknown object that goes by the name of a lock."""
    name = engine.last_name(frame, context).lower()
    return name.endswith(("lock", "mutex", "semaphore")) and engine.index.values(frame.ref(context)) == {}


def _generator(engine: Engine, frame: Frame, number: int) -> Manager | None:
    found = [target for target in engine.targets(frame, number) if target.work is not None]
    generators_only = [target for target in found if target.deferred == "generator"]
    if not generators_only or len(generators_only) != len(found):
        return None
    return Manager("generator", number, None, (number, generators_only))


def _external(dotted: str, number: int) -> Manager | None:
    if dotted == "contextlib.suppress":
        return Manager("suppress", number)
    if dotted in ("contextlib.ExitStack", "contextlib.AsyncExitStack"):
        return Manager("stack", number)
    if dotted in ("contextlib.closing", "contextlib.aclosing"):
        return Manager("closing", number)
    if dotted == "contextlib.nullcontext":
        return Manager("quiet", number)
    if dotted in _GROUPS:
        return Manager("group", number)
    return None


def enter_manager(
    engine: Engine, frame: Frame, manager: Manager, at: int, is_async: bool, entry: States, out: Outcomes
) -> States:
    """The states in which the body starts; what is raised on the way in goes to `out`."""
    if manager.kind == "class" and manager.cls is not None:
        work = engine.method(manager.cls, "__aenter__" if is_async else "__enter__")
        return _method(engine, frame, manager, at, work, entry, out) if work else entry
    if manager.kind == "stack":
        return stacks.opened(frame, manager.number, entry)
    if manager.kind == "unknown":
        calls.may_raise(frame, at, entry, out, PROBABLE, "entering the context manager")
    if is_async and manager.kind not in ("quiet", "group"):
        calls.suspended(engine, frame, at, entry, out)
    return entry


def _method(
    engine: Engine, frame: Frame, manager: Manager, at: int, work: Work, entry: States, out: Outcomes
) -> States:
    after = Outcomes()
    given = work._replace(receiver=manager.cls, this=manager.this)
    calls.perform(engine, frame, at, engine.target_of(given), entry, after)
    out.absorb(after)
    return after.normal


def leave_manager(
    engine: Engine, frame: Frame, manager: Manager, at: int, is_async: bool, before: Outcomes
) -> Outcomes:
    """The exits of the statement, given those of its body."""
    if manager.kind == "class" and manager.cls is not None:
        work = engine.method(manager.cls, "__aexit__" if is_async else "__exit__")
        return _leave_class(engine, frame, manager, at, work, before) if work else before
    if manager.kind == "suppress":
        return _suppress(engine, frame, manager.number, at, before)
    if manager.kind == "stack":
        return stacks.unwound(engine, frame, manager.number, at, before)
    if manager.kind == "closing":
        return _leave_closing(engine, frame, manager.number, at, before)
    if manager.kind == "group":
        return _grouped(engine, before)
    if manager.kind == "unknown":
        swallowed = frame.event("swallowed", at, "the context manager may swallow the exception")
        for (state, _), path in before.raised.items():
            put(before.normal, state, path.then(swallowed, POSSIBLE))
    return before


def _grouped(engine: Engine, before: Outcomes) -> Outcomes:
    """A group of tasks raises what failed in it as an ExceptionGroup."""
    out = Outcomes()
    raised, before.raised = before.raised, {}
    out.absorb_all(before)
    for (state, kind), path in raised.items():
        put(out.raised, (state, kind if engine.exceptions.is_exit(kind) else _GROUP), path)
    return out


def _leave_class(engine: Engine, frame: Frame, manager: Manager, at: int, work: Work, before: Outcomes) -> Outcomes:
    given = work._replace(receiver=manager.cls, this=manager.this)
    names = [param.name for param in engine.index.project.scope(work.function).params[1:4]]
    quiet: dict[str, Abstract] = dict.fromkeys(names, NOTHING)
    out = Outcomes()
    for source, target in (
        (before.normal, out.normal), (before.returned, out.returned), (before.broke, out.broke),
        (before.continued, out.continued),
    ):  # fmt: skip
        for (state, _), path in engine.runs.ended(frame, at, given, quiet, source, out).items():
            put(target, state, path)
    by_kind: dict[Kind, States] = {}
    for (state, kind), path in before.raised.items():
        put(by_kind.setdefault(kind, {}), state, path)
    for kind, states in by_kind.items():
        told: tuple[Abstract, ...] = (("exception type", kind), ("exception", kind), ("some",))
        for (state, value), path in engine.runs.ended(
            frame, at, given, dict(zip(names, told, strict=False)), states, out
        ).items():
            _decide(frame, at, state, kind, value, path, out)
    return out


def _decide(frame: Frame, at: int, state: State, kind: Kind, value: Abstract | None, path: Path, out: Outcomes) -> None:
    """`__exit__` has answered: a true answer swallows the exception."""
    answer = truthiness(value)
    if answer is not True:
        put(out.raised, (state, kind), path)
    if answer is not False:
        event = frame.event("swallowed", at, "the context manager swallows the exception")
        put(out.normal, state, path.then(event, DEFINITE if answer else PROBABLE))


def _suppress(engine: Engine, frame: Frame, number: int, at: int, before: Outcomes) -> Outcomes:
    handlers = [
        kind
        for argument in frame.facts.nodes[number][2]
        for kind in engine.exceptions.of_handler(frame.module, argument)
    ]
    event = frame.event("swallowed", at, f"{engine.text(frame.ref(number))} swallows the exception")
    out = Outcomes(before.normal)
    out.absorb(before)
    out.raised = {}
    for (state, kind), path in before.raised.items():
        answers = {engine.exceptions.caught(kind, handler) for handler in handlers} or {NO}
        if MUST not in answers:
            put(out.raised, (state, kind), path)
        if MUST in answers or MAY in answers:
            put(out.normal, state, path.then(event))
    return out


def _leave_closing(engine: Engine, frame: Frame, number: int, at: int, before: Outcomes) -> Outcomes:
    works = [
        work
        for argument in frame.facts.nodes[number][2][:1]
        for cls in engine.index.classes_of(frame.ref(argument))
        for work in (engine.method(cls, "close") or engine.method(cls, "aclose"),)
        if work
    ]
    return closed_by(engine, frame, at, works, before)


def closed_by(engine: Engine, frame: Frame, at: int, works: list[Work], before: Outcomes) -> Outcomes:
    """Run functions without arguments on every way out; with several, one of them."""
    if not works:
        return before
    out = Outcomes()
    for work in works:
        target = engine.target_of(work)._replace(works=())
        for source, goal in (
            (before.normal, out.normal),
            (before.returned, out.returned),
            (before.broke, out.broke),
            (before.continued, out.continued),
        ):
            for state, path in _performed(engine, frame, at, target, source, out).items():
                put(goal, state, path)
        for (state, kind), path in before.raised.items():
            for after, onward in _performed(engine, frame, at, target, {state: path}, out).items():
                put(out.raised, (after, kind), onward)
    return out


def _performed(engine: Engine, frame: Frame, at: int, target: targets.Target, entry: States, out: Outcomes) -> States:
    after = Outcomes()
    calls.perform(engine, frame, at, target, entry, after)
    out.absorb(after)
    return after.normal
