"""State flow: how what is known of objects flows through branches, loops, handlers and cases.

What a single step does to it is for `typestate` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from governance.facts import Block, Step
from governance.paths.guards import refine
from governance.paths.known import Env, join
from governance.paths.rounds import one_is_sure

if TYPE_CHECKING:
    from governance.paths.typestate import Typestate

_ROUNDS: Final = 8


@dataclass(slots=True)
class Way:
    """Where a block can end: environments, None where it cannot."""

    normal: Env | None
    breaks: list[Env] = field(default_factory=list)
    continues: list[Env] = field(default_factory=list)
    raised: list[Env] = field(default_factory=list)


def block(typestate: Typestate, steps: Block, env: Env | None) -> Way:
    """Where a block ends that starts with what `env` says."""
    way = Way(env)
    for step in steps:
        if way.normal is None:
            break
        inner = _step(typestate, step, way.normal)
        way.normal = inner.normal
        way.breaks += inner.breaks
        way.continues += inner.continues
        way.raised += inner.raised
    return way


def _step(typestate: Typestate, step: Step, env: Env) -> Way:
    kind = step[0]
    compound = _COMPOUND.get(kind)
    if compound is not None:
        return compound(typestate, step, env)
    if kind in ("attr", "sub", "import"):
        return Way(env, raised=[env])
    if kind == "raise":
        return Way(None, raised=[env])
    if kind == "break":
        return Way(None, breaks=[env])
    if kind == "continue":
        return Way(None, continues=[env])
    return typestate.event(step, env)


def _with(typestate: Typestate, step: Step, env: Env) -> Way:
    return block(typestate, step[3], env)


def _assert(typestate: Typestate, step: Step, env: Env) -> Way:
    return Way(_refine(typestate, env, step[2], True), raised=[env])


def _branch(typestate: Typestate, step: Step, env: Env) -> Way:
    yes = block(typestate, step[2], _refine(typestate, env, step[1], True))
    no = block(typestate, step[3], _refine(typestate, env, step[1], False))
    return _both(yes, no)


def _loop(typestate: Typestate, step: Step, env: Env) -> Way:
    _, kind, head, test, body, orelse = step
    raised: list[Env] = []
    breaks: list[Env] = []
    start: Env | None = env
    done: Env | None = None
    certain = kind != "while" and one_is_sure(typestate.index, typestate.module, head)
    for turn in range(_ROUNDS):
        top = block(typestate, head, start)
        raised += top.raised
        into = top.normal
        over = top.normal if kind != "while" and not (certain and turn == 0) else None
        if into is not None and test >= 0:
            over = _refine(typestate, into, test, False)
            into = _refine(typestate, into, test, True)
            if _is_true(typestate, test):
                over = None
        inner = block(typestate, body, into)
        raised += inner.raised
        breaks += inner.breaks
        done = join([done, over])
        first = certain and turn == 0  # what holds before a round that is sure holds of the rounds after it no more
        again = join([None if first else start, inner.normal, *inner.continues])
        if again == start:
            break
        start = again
    end = block(typestate, orelse, done)
    normal = join([end.normal, *breaks])
    return Way(normal, end.breaks, end.continues, raised + end.raised)


def _is_true(typestate: Typestate, test: int) -> bool:
    node = typestate.node_at(test)
    return bool(node[0] == "const" and node[2])


def _try(typestate: Typestate, step: Step, env: Env) -> Way:
    _, _, body, handlers, orelse, final, _ = step
    tried = block(typestate, body, env)
    after = block(typestate, orelse, tried.normal)
    way = Way(after.normal, tried.breaks + after.breaks, tried.continues + after.continues, list(after.raised))
    thrown = join(tried.raised)
    for _, _, handler in handlers:
        handled = block(typestate, handler, dict(thrown) if thrown is not None else None)
        way = _both(way, handled)
    if not handlers and thrown is not None:
        way.raised.append(thrown)
    if final:
        way.normal = block(typestate, final, way.normal).normal if way.normal is not None else None
        way.breaks = [end for each in way.breaks if (end := block(typestate, final, each).normal) is not None]
        way.continues = [end for each in way.continues if (end := block(typestate, final, each).normal) is not None]
        escaped = join(way.raised)
        if escaped is not None:
            ended = block(typestate, final, escaped)
            way.raised = [ended.normal] if ended.normal is not None else []
    return way


def _match(typestate: Typestate, step: Step, env: Env) -> Way:
    _, _, _, cases, exhaustive = step
    rest: Env | None = env
    way = Way(None)
    for test, guarding, guard, taken in cases:
        into = _refine(typestate, rest, test, True) if rest is not None else None
        if into is not None and guard >= 0:
            into = block(typestate, guarding, into).normal
            into = _refine(typestate, into, guard, True) if into is not None else None
        way = _both(way, block(typestate, taken, into))
        if rest is not None and guard < 0:
            rest = _refine(typestate, rest, test, False)
    if rest is not None and not exhaustive:
        way = _both(way, Way(rest))
    return way


def _refine(typestate: Typestate, env: Env | None, test: int, positive: bool) -> Env | None:
    return refine(typestate, env, test, positive) if env is not None else None


def _both(one: Way, other: Way) -> Way:
    """The ends of two alternatives."""
    return Way(
        join([one.normal, other.normal]),
        one.breaks + other.breaks,
        one.continues + other.continues,
        one.raised + other.raised,
    )


_COMPOUND: Final[Mapping[str, Callable[[Typestate, Step, Env], Way]]] = {
    "if": _branch,
    "loop": _loop,
    "try": _try,
    "with": _with,
    "match": _match,
    "assert": _assert,
}
