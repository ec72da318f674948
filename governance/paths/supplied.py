"""Supplied: what a call, and a partial that it calls, give to the parameters of a function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index.binding import bind
from governance.paths import held
from governance.paths.abstract import constant
from governance.paths.frames import Frame
from governance.paths.outcomes import Abstract
from governance.paths.targets import Target

if TYPE_CHECKING:
    from governance.paths.engine import Engine


def defaults(engine: Engine, frame: Frame, number: int, target: Target) -> dict[str, Abstract]:
    """The constants that parameters are when a call says nothing of them."""
    if target.work is None or target not in engine.targets(frame, number):
        return {}
    fact, early = _completed(engine, frame, number)
    module = target.work.function[0]
    nodes = engine.index.project.modules[module].facts.nodes
    scope = engine.index.project.scope(target.work.function)
    given = {index for index, _ in bind(scope, fact, target.bound)}
    found = {
        each.name: constant(nodes[each.default])
        for index, each in enumerate(scope.params)
        if each.default >= 0 and index not in given
    }
    known = {name: value for name, value in found.items() if value is not None}
    return known if known and early is not None and _is_plain_call(engine, frame, fact) else {}


def _is_plain_call(engine: Engine, frame: Frame, fact: Node) -> bool:
    """Whether a call shows all that the function is given: no stars, no parameter that holds it."""
    starred = any(frame.facts.nodes[each][0] == "star" for each in fact[2]) or any(name is None for name, _ in fact[3])
    return not starred and held.held_by(engine, frame, fact[1]) is None


def _completed(engine: Engine, frame: Frame, number: int) -> tuple[Node, frozenset[int] | None]:
    """A call together with what a partial was given before, and the nodes of that; None if those are not known."""
    fact = frame.facts.nodes[number]
    values = list(engine.index.values(frame.ref(fact[1])))
    if not any(value[0] == "partial" for value in values):
        return fact, frozenset()
    if len(values) > 1 or values[0][1] != frame.module:
        return fact, None
    made = frame.facts.nodes[values[0][2]]
    named = dict((*made[3], *fact[3]))
    early = frozenset((*made[2][1:], *(node for _, node in made[3])))
    return ["call", fact[1], [*made[2][1:], *fact[2]], list(named.items())], early


def arguments(engine: Engine, frame: Frame, number: int, target: Target) -> list[tuple[str, int]]:
    """Which argument nodes of a call reach which parameters of a function that it runs."""
    assert target.work is not None
    scope = engine.index.project.scope(target.work.function)
    fact, early = _completed(engine, frame, number)
    if any(frame.facts.nodes[each][0] == "star" for each in fact[2]):
        return []
    return [
        (scope.params[index].name, node)
        for index, node in bind(scope, fact, target.bound)
        if scope.params[index].kind not in ("vararg", "kwarg") and not (node in (early or ()) and _varies(frame, node))
    ]


def _varies(frame: Frame, node: int) -> bool:
    """Whether a variable may stand for something else by the time a partial that was given it is called."""
    name = frame.name_of(node)
    return name is not None and len(frame.scope.bindings.get(name, ())) > 1
