"""Escapes: the ways out of a function that break the promise, named by what makes them possible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from governance.contract import Ref
from governance.index.values import FunctionId
from governance.paths.automaton import AGAIN, BARE, TWICE
from governance.paths.engine import Engine, Summary
from governance.paths.exceptions import Exceptions
from governance.paths.outcomes import Event, Kind, Path

MISSING: Final = "missing"
CONDITIONAL: Final = "conditional"
LOOP: Final = "loop"
RETURN: Final = "skipped-by-return"
EXCEPTION: Final = "skipped-by-exception"
BEFORE: Final = "may-raise-before"
UNAWAITED: Final = "not-awaited"
ABANDONED: Final = "abandoned-generator"
CALLED_TWICE: Final = "called-twice"
NOT_EACH: Final = "not-for-each"
NOT_BEFORE: Final = "not-before"


class Escape(NamedTuple):
    """One way out that breaks the promise.

    at: the place inside the function asked about. turn: the event that makes the way possible, None if there is none.
    leaves: how the function is left ("" normally, "return", or the name of what is raised).
    """

    check: str
    grade: int
    at: Ref
    turn: Event | None
    leaves: str
    trigger: Ref | None
    trail: tuple[Event, ...]


def escapes(engine: Engine, function: FunctionId, summary: Summary) -> list[Escape]:
    """Every way out that breaks the promise, one per check and place, the most certain first."""
    found: dict[tuple[str, Ref], Escape] = {}
    for auto, path, kind in _exits(summary):
        if auto not in engine.automaton.owing and auto not in engine.automaton.wrong:
            continue
        escape = _named(engine, function, auto, path, kind)
        known = found.get((escape.check, escape.at))
        if known is None or known.grade < escape.grade:
            found[escape.check, escape.at] = escape
    return _telling(sorted(found.values(), key=lambda each: -each.grade))


def _exits(summary: Summary) -> Iterator[tuple[str, Path, Kind | None]]:
    for (state, _), path in summary.ended.items():
        yield state.auto, path, None
    for (state, kind), path in summary.raised.items():
        yield state.auto, path, kind


def _telling(found: list[Escape]) -> list[Escape]:
    """Without those that say no more than another one about the same trigger."""
    returns = {each.trigger: each.grade for each in reversed(found) if each.check == RETURN and each.trigger}
    missing = {each.trigger: each.grade for each in reversed(found) if each.check == MISSING}
    best: dict[Ref | None, int] = {}
    for each in found:
        best[each.trigger] = max(best.get(each.trigger, 0), each.grade)
    kept = []
    for each in found:
        if each.check in (EXCEPTION, ABANDONED) and each.trigger in returns and returns[each.trigger] >= each.grade:
            continue
        if each.check != MISSING and missing.get(each.trigger, -1) >= each.grade:
            continue
        # What is merely possible is told only where nothing better is known.
        if each.grade <= 1 < best[each.trigger]:
            continue
        kept.append(each)
    return kept


def _named(engine: Engine, function: FunctionId, auto: str, path: Path, kind: Kind | None) -> Escape:
    trail = path.trail
    start = max((number for number, event in enumerate(trail) if event.kind == "trigger"), default=-1)
    trigger = trail[start].ref if start >= 0 else None
    after = trail[start + 1 :]
    check, turn = _reason(engine, auto, trail, after, kind)
    if turn is None and start >= 0:
        turn = trail[start]
    at = _inside(engine, function, trail, turn)
    return Escape(check, path.grade, at, turn, _leaving(engine.exceptions, trail, kind), trigger, trail)


def _reason(
    engine: Engine, auto: str, trail: tuple[Event, ...], after: tuple[Event, ...], kind: Kind | None
) -> tuple[str, Event | None]:
    if auto == TWICE:
        return CALLED_TWICE, _last(trail, "duty")
    if auto == AGAIN:
        return NOT_EACH, _last(trail, "trigger")
    if auto == BARE:
        return NOT_BEFORE, _last(trail, "trigger")
    unawaited = _last(after, "unawaited")
    if unawaited is not None:
        return UNAWAITED, unawaited
    cleanup = max((number for number, event in enumerate(after) if event.kind == "cleanup"), default=-1)
    raised = _last(after[cleanup + 1 :], "raised") if cleanup >= 0 else None
    branch = _last(after, "branch")
    if raised is not None and (branch is None or after.index(branch) <= cleanup):
        return BEFORE, raised
    if not engine.duties:
        return MISSING, None
    if branch is not None:
        return CONDITIONAL, branch
    loop = _last(after, "loop")
    if loop is not None:
        return LOOP, loop
    dropped = _last(after, "yielded")
    if kind is not None and dropped is not None:
        return ABANDONED, dropped
    thrown = _last(after, "raised")
    if kind is not None or thrown is not None:
        return EXCEPTION, thrown
    return RETURN, _last(after, "left")


def _last(trail: tuple[Event, ...], kind: str) -> Event | None:
    return next((event for event in reversed(trail) if event.kind == kind), None)


def _inside(engine: Engine, function: FunctionId, trail: tuple[Event, ...], turn: Event | None) -> Ref:
    """The last place in the function itself at or before a turn; its definition if there is none."""
    project = engine.index.project
    position = trail.index(turn) if turn is not None and turn in trail else len(trail) - 1
    for event in reversed(trail[: position + 1]):
        if event.ref[1] >= 0 and function in project.enclosing(project.owner(event.ref)):
            return event.ref
    return (function[0], project.scope(function).node)


def _leaving(exceptions: Exceptions, trail: tuple[Event, ...], kind: Kind | None) -> str:
    if kind is None:
        return "return" if any(event.kind == "left" for event in trail[-3:]) else ""
    if kind == ("any",):
        return "an exception"
    if kind == ("exit",):
        return "KeyboardInterrupt, SystemExit or cancellation"
    if kind[0] == "project":
        return exceptions.index.project.scope(kind[1]).name
    return str(kind[1]).rpartition(".")[2]
