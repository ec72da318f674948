"""Coverage: whether the calls that owe something stand, as text, in a `try` whose `finally` does what is owed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.facts import Block
from governance.paths import targets
from governance.paths.engine import Engine
from governance.paths.frames import Frame, Work
from governance.paths.tracked import blocks

_DEPTH: Final = 8


def uncovered(engine: Engine, work: Work, depth: int = _DEPTH) -> Iterator[Ref]:
    """The trigger calls, here or in what is called, that no such `finally` covers."""
    step = engine.layers.applied(work)
    if step is not None and step[0].wrapper is not None:
        work = engine.layers.wrapped(step[0], step[1])
    frame = engine.frame(work)
    yield from _walk(engine, frame, frame.scope.body, depth)


def has_finally(engine: Engine, work: Work) -> bool:
    """Whether any `finally` of the function does what is owed."""
    step = engine.layers.applied(work)
    if step is not None and step[0].wrapper is not None:
        work = engine.layers.wrapped(step[0], step[1])
    frame = engine.frame(work)
    return _any_finally(engine, frame, frame.scope.body)


def _any_finally(engine: Engine, frame: Frame, steps: Block) -> bool:
    return any(
        (step[0] == "try" and engine.pays(frame, step[5]))
        or any(_any_finally(engine, frame, inner) for inner in blocks(step))
        for step in steps
    )


def _walk(engine: Engine, frame: Frame, steps: Block, depth: int) -> Iterator[Ref]:
    for step in steps:
        if step[0] == "try" and engine.pays(frame, step[5]):
            yield from _walk(engine, frame, step[5], depth)
            continue
        if step[0] == "call":
            yield from _call(engine, frame, step[1], depth)
        for inner in blocks(step):
            yield from _walk(engine, frame, inner, depth)


def _call(engine: Engine, frame: Frame, number: int, depth: int) -> Iterator[Ref]:
    for target in engine.targets(frame, number):
        if target.kind == targets.TRIGGER or any(work.function in engine.trigger.functions for work in target.works):
            yield frame.ref(number)
        elif target.work is not None and depth and engine.matters(target.work):
            yield from [frame.ref(number) for _ in uncovered(engine, target.work, depth - 1)][:1]
