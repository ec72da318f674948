"""Arms: `call = one if test else other` and a call of it later, under what is known of the test by then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.index.values import FunctionId
from governance.paths import targets
from governance.paths.frames import Frame
from governance.paths.outcomes import States, put
from governance.paths.targets import Target

if TYPE_CHECKING:
    from governance.paths.engine import Engine


def fitting(engine: Engine, frame: Frame, number: int, target: Target, entry: States) -> States:
    """The states in which a call can come to one of its targets."""
    nodes = frame.facts.nodes
    callee = nodes[frame.origin(nodes[number][1])]
    method = callee[2] if callee[0] == "attr" else ""
    choice = nodes[frame.origin(callee[1])] if method else callee
    if choice[0] != "ifexp" or not _lasts(frame, choice[1]):
        return entry
    then, other = (_is_of(engine, target, _functions(engine, frame, arm, method)) for arm in choice[2:4])
    if then == other:
        return entry
    fit: States = {}
    for state, path in entry.items():
        for after, grade in engine.truth.assume(frame, choice[1], then, state):
            put(fit, after, path.then(None, grade))
    return fit


def _lasts(frame: Frame, test: int) -> bool:
    """Whether a test comes out later as it came out: it looks at a variable that is bound once."""
    fact = frame.facts.nodes[test]
    while fact[0] == "not":
        fact = frame.facts.nodes[fact[1]]
    return bool(fact[0] == "local" and len(frame.scope.bindings.get(fact[1], ())) == 1)


def _functions(engine: Engine, frame: Frame, arm: int, method: str) -> set[FunctionId]:
    """The functions that an arm, or a method of what it is, may be."""
    index = engine.index
    if method:
        found = [engine.method(cls, method) for cls in index.classes_of(frame.ref(arm))]
        named = {work.function for work in found if work is not None}
    else:
        named = {value[1] for value in index.values(frame.ref(arm)) if value[0] in ("fn", "bm", "decorated")}
    return named.union(*(index.overrides(each) for each in named))


def _is_of(engine: Engine, target: Target, functions: set[FunctionId]) -> bool:
    if target.work is not None:
        return target.work.function in functions
    sought = {targets.TRIGGER: engine.trigger, targets.DUTY: engine.duty}.get(target.kind)
    return sought is not None and bool(sought.functions & functions)
