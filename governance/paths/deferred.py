"""Deferred work: what runs when an awaitable is awaited, a future is asked for its result, a thread is joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from governance.facts import Node
from governance.paths import assumptions, held, targets
from governance.paths.frames import Frame, Work
from governance.paths.outcomes import PROBABLE
from governance.paths.targets import Target

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_DEPTH = 8
_RUNNERS = ("run", "run_until_complete", "async_to_sync")
_FUTURE = ("xinst", "concurrent.futures.Future")


class Job(NamedTuple):
    """One thing that runs at the point of waiting: the call that made it, in its frame, and what it does."""

    frame: Frame
    number: int
    targets: tuple[Target, ...]


def carried(engine: Engine, frame: Frame, node: int, depth: int = _DEPTH) -> tuple[list[list[Job]], bool]:
    """What waiting for an expression runs: alternatives, each a list of jobs in order; and whether it truly waits.

    A coroutine of the project runs on without waiting; anything else may suspend the one who awaits it.
    """
    if depth <= 0:
        return [], True
    number = frame.origin(node)
    fact = frame.facts.nodes[number]
    if fact[0] == "phi":
        found: list[list[Job]] = []
        waits = False
        for each in fact[1]:
            inner, waiting = carried(engine, frame, each, depth - 1)
            found += inner or [[]]
            waits = waits or waiting
        return found, waits
    if fact[0] == "ifexp":
        one, waits_one = carried(engine, frame, fact[2], depth - 1)
        other, waits_other = carried(engine, frame, fact[3], depth - 1)
        return [*(one or [[]]), *(other or [[]])], waits_one or waits_other
    if fact[0] in ("tuple", "list", "set"):
        return _together(engine, frame, list(fact[1]), depth)
    if fact[0] == "star":
        return carried(engine, frame, fact[1], depth - 1)
    if fact[0] == "comp":
        return carried(engine, frame, fact[2], depth - 1)
    if fact[0] in ("item", "unpack") and (each := _each(frame, fact)) >= 0:
        return carried(engine, frame, each, depth - 1)
    if fact[0] == "call":
        return _call(engine, frame, number, depth)
    return [], True


def _each(frame: Frame, fact: Node) -> int:
    """The comprehension that a loop goes over, `for place, task in enumerate(tasks)` seen through; -1 for all else."""
    if fact[0] == "unpack":
        outer = frame.facts.nodes[fact[1]]
        call = frame.facts.nodes[outer[1]] if outer[0] == "item" else fact
        numbered = call[0] == "call" and targets.last_of(frame, call[1]) == "enumerate" and fact[2] == 1
        source = call[2][0] if numbered and call[2] else -1
    else:
        source = fact[1] if not fact[2] else -1
    source = frame.origin(source) if source >= 0 else -1
    return source if source >= 0 and frame.facts.nodes[source][0] == "comp" else -1


def _together(engine: Engine, frame: Frame, nodes: list[int], depth: int) -> tuple[list[list[Job]], bool]:
    jobs: list[Job] = []
    for each in nodes:
        inner, _ = carried(engine, frame, each, depth - 1)
        if len(inner) == 1:
            jobs += inner[0]
        else:
            # Of several alternatives only what may become owed can be relied on.
            jobs += [job for alternative in inner for job in alternative if _may_owe(engine, job)]
    return ([jobs] if jobs else []), True


def _may_owe(engine: Engine, job: Job) -> bool:
    return any(target.kind == targets.TRIGGER for target in job.targets)


def _call(engine: Engine, frame: Frame, number: int, depth: int) -> tuple[list[list[Job]], bool]:
    found = engine.targets(frame, number)
    coroutines = tuple(target for target in found if target.deferred == "coroutine")
    if coroutines:
        waits = any(target.kind != targets.RUN for target in coroutines) or len(coroutines) < len(found)
        if all(target.kind == targets.DUTY for target in coroutines):
            waits = False  # trying is what counts, and it starts without waiting
        return [[Job(frame, number, coroutines)]], waits
    running = [target for target in found if target.kind == targets.RUN and not target.deferred]
    if running:
        return _returned(engine, frame, running, depth)
    fact = frame.facts.nodes[number]
    name = targets.last_of(frame, fact[1])
    if name in assumptions.JOINED_ON_AWAIT or name in assumptions.STARTED_ELSEWHERE:
        jobs = [
            Job(frame, number, (_target(engine, work),))
            for argument in (*fact[2], *(value for _, value in fact[3]))
            if frame.facts.nodes[argument][0] != "star"
            for work in held.functions_in(engine, frame, argument)
            if engine.matters(work)
        ]
        if jobs:
            return [jobs], True
    return _together(engine, frame, [*fact[2], *(value for _, value in fact[3])], depth)


def _target(engine: Engine, work: Work) -> Target:
    kind = targets.RUN
    if work.function in engine.trigger.functions:
        kind = targets.TRIGGER
    elif work.function in engine.duty.functions:
        kind = targets.DUTY
    return Target(kind, min(work.grade, PROBABLE) if kind == targets.TRIGGER else work.grade, work)


def _returned(engine: Engine, frame: Frame, running: list[Target], depth: int) -> tuple[list[list[Job]], bool]:
    """A plain function that returns a coroutine: what it returns runs at the await."""
    alternatives: list[list[Job]] = []
    for target in running:
        if target.work is None:
            continue
        inner = engine.frame(target.work)
        for result in inner.scope.results:
            found, _ = carried(engine, inner, result, depth - 2)
            alternatives += found
    return alternatives, True


def awaited_calls(engine: Engine, frame: Frame) -> frozenset[int]:
    """The calls of a function whose coroutines it awaits itself, directly or through names, tasks and gather."""
    found: set[int] = set()
    facts = frame.facts
    for number, fact in enumerate(facts.nodes):
        if facts.owner[number] != frame.function[1]:
            continue
        if fact[0] == "await":
            _collect(engine, frame, fact[1], found, _DEPTH)
        elif fact[0] == "call":
            callee = facts.nodes[fact[1]]
            if callee[0] == "attr" and callee[2] in assumptions.JOINED_BY_METHOD:
                _collect(engine, frame, callee[1], found, _DEPTH)
            elif targets.last_of(frame, fact[1]) in assumptions.RUN_AT_ONCE or _of_group(frame, callee):
                for argument in fact[2]:
                    _collect(engine, frame, argument, found, _DEPTH)
    return frozenset(found)


def _collect(engine: Engine, frame: Frame, node: int, found: set[int], depth: int) -> None:
    """All calls an awaited expression is made of."""
    number = frame.origin(node)
    if depth == 0:
        return
    fact = frame.facts.nodes[number]
    if fact[0] == "call":
        if number in found:
            return
        found.add(number)
        inner = [*fact[2], *(value for _, value in fact[3])]
    elif fact[0] in ("phi", "tuple", "list", "set"):
        inner = list(fact[1])
    elif fact[0] == "ifexp":
        inner = [fact[2], fact[3]]
    elif fact[0] == "star":
        inner = [fact[1]]
    elif fact[0] == "comp":
        inner = [fact[2]]
    else:
        return
    for each in inner:
        _collect(engine, frame, each, found, depth - 1)


def _of_group(frame: Frame, callee: Node) -> bool:
    """Whether it is `create_task` of a `TaskGroup`, which waits for its tasks before it is left."""
    if callee[0] != "attr" or callee[2] != "create_task":
        return False
    entered = frame.facts.nodes[frame.origin(callee[1])]
    if entered[0] != "enter":
        return False
    context = frame.facts.nodes[frame.origin(entered[1])]
    return bool(context[0] == "call") and targets.last_of(frame, context[1]) in ("TaskGroup", "create_task_group")


def _submitted(engine: Engine, frame: Frame, node: int) -> int:
    """What a future is waited for: where it comes from, or the call that submitted it, taken from any container."""
    source = frame.origin(node)
    if frame.facts.nodes[source][0] == "call":
        return source
    held = [value[2][0] for value in engine.index.values(frame.ref(node)) if value[:2] == _FUTURE and value[2]]
    if len(held) != 1 or held[0][:2] != ("called", frame.module):
        return source
    site: int = held[0][2]
    return site if frame.facts.owner[site] == frame.function[1] else source


def joined_by_method(engine: Engine, frame: Frame, number: int) -> list[Job]:
    """What `future.result()` or `thread.join()` waits for, and what `asyncio.run(x)` runs."""
    fact = frame.facts.nodes[number]
    callee = frame.facts.nodes[fact[1]]
    name = targets.last_of(frame, fact[1])
    if callee[0] == "attr" and name in assumptions.JOINED_BY_METHOD:
        source = _submitted(engine, frame, callee[1])
    elif (name in _RUNNERS or _of_group(frame, callee)) and len(fact[2]) >= 1:
        source = frame.origin(fact[2][0])
    else:
        return []
    made = frame.facts.nodes[source]
    if made[0] != "call" or (name == "result" and _of_group(frame, frame.facts.nodes[made[1]])):
        return []  # what a task of a group raises has been raised where the group was left
    alternatives, _ = carried(engine, frame, source)
    return alternatives[0] if len(alternatives) == 1 else []


def waited_for(engine: Engine, frame: Frame, number: int) -> list[Job]:
    """What `wait(futures)` of `concurrent.futures` waits for as long as it takes; none of it is raised there."""
    fact = frame.facts.nodes[number]
    if targets.last_of(frame, fact[1]) != "wait" or len(fact[2]) != 1 or fact[3]:
        return []
    if "concurrent.futures.wait" not in engine.index.externals(frame.ref(number)):
        return []
    alternatives, _ = carried(engine, frame, fact[2][0])
    jobs = alternatives[0] if len(alternatives) == 1 else []
    owed = any(
        each.kind in (targets.DUTY, targets.TRIGGER)
        or (each.work is not None and (engine.pays_in(each.work) or engine.triggers_in(each.work)))
        for job in jobs
        for each in job.targets
    )
    return jobs if owed else []
