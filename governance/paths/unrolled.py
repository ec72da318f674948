"""Unrolled: a loop over a display of functions, one after the other: `for clean in (self.close, lambda: count(x))`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.facts import Step
from governance.paths import held
from governance.paths.frames import Frame, Work
from governance.paths.outcomes import Outcomes, States, merge, put

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_MOST: Final = 6
"""Longer displays are followed as any other loop."""


def functions(engine: Engine, frame: Frame, step: Step) -> tuple[str, list[tuple[Work, ...]]] | None:
    """The variable of such a loop and what it holds in each round; None for any other loop."""
    _, kind, head, _, body, _ = step
    nexts = [inner[1] for inner in head if inner[0] == "next"]
    if kind != "for" or len(nexts) != 1:
        return None
    name = next((str(inner[1]) for inner in body if inner[0] == "bind" and inner[2] == nexts[0]), "")
    display = frame.facts.nodes[frame.origin(frame.facts.nodes[nexts[0]][1])]
    if display[0] not in ("tuple", "list") or len(display[1]) > _MOST or len(frame.scope.bindings.get(name, ())) != 1:
        return None
    found = [tuple(held.functions_in(engine, frame, each)) for each in display[1]]
    sought = any(engine.matters(work) for works in found for work in works)
    return (name, found) if sought and all(found) else None


def run(engine: Engine, frame: Frame, step: Step, name: str, rounds: list[tuple[Work, ...]], entry: States) -> Outcomes:
    """The rounds of such a loop, each with what the variable holds in it."""
    _, _, head, _, body, orelse = step
    out = Outcomes()
    slot = (frame.function, name)
    for works in rounds:
        frame.callables[slot] = works
        started = engine.block(frame, head, entry)
        out.absorb(started)
        after = engine.block(frame, body, started.normal)
        merge(out.returned, after.returned.items())
        merge(out.raised, after.raised.items())
        merge(out.normal, after.broke.items())
        entry = dict(after.normal)
        for state, path in after.continued.items():
            put(entry, state, path)
    frame.callables.pop(slot, None)
    out.absorb_all(engine.block(frame, orelse, entry))
    return out
