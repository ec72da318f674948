"""Decorated guards: what is known of the parameters of a function because the decorators around it look first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.index.binding import bind
from governance.index.values import FunctionId
from governance.paths.known import ANY, Env, Known, ObjectKey, union
from governance.paths.layers import Layer, Layers

if TYPE_CHECKING:
    from governance.facts import Node
    from governance.paths.typestate import Typestate


def entered(typestate: Typestate, function: FunctionId) -> Env:
    """What holds when a function starts: `@requires(State.NEW)` lets no job through that is in another state."""
    env: Env = {}
    layers = Layers(typestate.index)
    decorators = typestate.project.scope(function).decorators
    for layer, number in zip(layers.of(function), reversed(decorators), strict=False):
        if layer.wrapper is None or layer.slot is None:
            continue
        for key, known in _passed(typestate, function, layer, number).items():
            env.setdefault(key, known)
    return env


def _passed(typestate: Typestate, function: FunctionId, layer: Layer, decorator: int) -> Env:
    """What the wrapper of one decorator knows of what it hands on."""
    assert layer.wrapper is not None
    assert layer.slot is not None
    watched: list[tuple[Env, Node]] = []
    outer = typestate.watched
    typestate.watched = {("free", layer.wrapper[0], layer.slot[1]): watched}
    module, scope = typestate.module, typestate.scope
    found: list[Env] = []
    try:
        typestate.explore(layer.wrapper, _arguments(typestate, function, decorator))
        typestate.module, typestate.scope = layer.wrapper
        target = typestate.project.scope(function)
        for env, call in watched:
            pairs = bind(target, call, bound=False)
            held = {(function[0], target.params[at].node): typestate.known(env, typestate.key(n)) for at, n in pairs}
            found.append({key: known for key, known in held.items() if known.states is not None})
    finally:
        typestate.watched = outer
        typestate.module, typestate.scope = module, scope
    keys = set(found[0]).intersection(*found[1:]) if found else set()
    return {key: union(each.get(key, ANY) for each in found) for key in keys}


def _arguments(typestate: Typestate, function: FunctionId, decorator: int) -> Env:
    """The states that the arguments of a decorator factory are, as its wrapper reads them."""
    node = typestate.project.node((function[0], decorator))
    if node[0] != "call":
        return {}
    env: Env = {}
    for callee in typestate.index.callees((function[0], decorator)):
        scope = typestate.project.scope(callee.function)
        collected: dict[ObjectKey, frozenset[str]] = {}
        for position, argument in bind(scope, node, callee.receiver is not None):
            states = typestate.values.of((function[0], argument))
            key: ObjectKey = ("value", "free", callee.function[0], scope.params[position].name)
            if states is not None:
                collected[key] = collected.get(key, frozenset()) | states
        env |= {key: Known(states) for key, states in collected.items()}
    return env
