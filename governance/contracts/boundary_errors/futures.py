"""Futures: tasks that are waited for without a failure being raised: `asyncio.wait(tasks)`, `future.exception()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from governance.contract import Ref
from governance.facts import Block
from governance.paths import deferred
from governance.paths.frames import Frame

if TYPE_CHECKING:
    from governance.contracts.boundary_errors.failure_paths import FailurePaths

_WAITING: Final = frozenset(("asyncio.wait",))
_ASKING: Final = frozenset(("result", "exception"))


class Asked(NamedTuple):
    """The call whose failure `future.exception()` gives, and the name of the function it calls."""

    call: Ref
    name: str
    grade: int


def asked(paths: FailurePaths, frame: Frame, number: int) -> Asked | None:
    """The failing call that a call of `exception` asks about."""
    callee = frame.facts.nodes[frame.facts.nodes[number][1]]
    if callee[0] != "attr" or callee[2] != "exception" or frame.facts.nodes[number][2]:
        return None
    source = frame.origin(callee[1])
    if frame.facts.nodes[source][0] != "call":
        return None
    for jobs in deferred.carried(paths, frame, source)[0]:
        for job in jobs:
            for target in job.targets:
                function = target.work.function if target.work else None
                if paths.fails(job.frame.ref(job.number), function):
                    name = paths.index.project.qualname(function) if function else ""
                    return Asked(job.frame.ref(job.number), name, target.grade)
    return None


def parts(paths: FailurePaths, frame: Frame, steps: Block) -> Iterator[tuple[Block, bool]]:
    """The steps of a block, each wait for tasks on its own: (steps, whether that is one)."""
    start = 0
    for number, step in enumerate(steps):
        if step[0] == "await" and _is_wait(paths, frame, step[1]):
            yield steps[start:number], False
            yield [step], True
            start = number + 1
    yield (steps[start:] if start else steps), False


def _is_wait(paths: FailurePaths, frame: Frame, awaiting: int) -> bool:
    call = frame.origin(frame.facts.nodes[awaiting][1])
    return frame.facts.nodes[call][0] == "call" and bool(paths.index.externals(frame.ref(call)) & _WAITING)


def asks_later(frame: Frame, awaiting: int) -> bool:
    """Whether a function that waits goes on to ask how the tasks have ended."""
    facts = frame.facts
    return any(
        (node[0] == "attr" and node[2] in _ASKING) or (node[0] == "await" and number > awaiting)
        for number, node in enumerate(facts.nodes)
        if facts.owner[number] == frame.function[1]
    )
