"""Handed: what a call gives the function it runs: governed objects, their states, and states as such."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index.binding import bind
from governance.index.callees import Callee
from governance.index.values import FunctionId
from governance.paths.known import ANY, Env, Known, ObjectKey, union
from governance.paths.reads import state_of
from governance.paths.state_values import States

if TYPE_CHECKING:
    from governance.paths.typestate import Typestate


@dataclass(slots=True)
class Handed:
    """What the parameters of a function stand for, in terms of its caller."""

    objects: dict[ObjectKey, ObjectKey] = field(default_factory=dict)
    """Parameters that are governed objects."""
    reads: dict[ObjectKey, ObjectKey] = field(default_factory=dict)
    """Parameters that are the state of a governed object: the object."""
    definitions: dict[ObjectKey, ObjectKey] = field(default_factory=dict)
    """All parameters, with the definitions they were given."""
    states: Env = field(default_factory=dict)
    """The states that parameters may be."""

    def __bool__(self) -> bool:
        return bool(self.objects or self.reads)

    def add(self, typestate: Typestate, there: ObjectKey, argument: int) -> None:
        """Note one argument, a node of the caller."""
        key = typestate.key(argument)
        self.definitions[there] = key
        read = state_of(typestate, argument)
        if read is not None:
            self.reads[there] = read
        elif typestate.governed(argument):
            self.objects[there] = key

    def inside(self, typestate: Typestate, env: Env) -> Env:
        """What the function knows when it starts."""
        known = {there: typestate.known(env, here) for there, here in self.objects.items()}
        return {**known, **{here: typestate.known(env, here) for here in self.reads.values()}, **self.states}

    def outside(self, ends: list[Env]) -> Env:
        """What the caller knows of its objects where the function has ended in one of these environments."""
        pairs = [*self.objects.items(), *((here, here) for here in self.reads.values())]
        return {here: self._seen(union(end.get(there, ANY) for end in ends)) for there, here in pairs}

    def _seen(self, known: Known) -> Known:
        asked = frozenset((self.definitions.get(definition, definition), moves) for definition, moves in known.asked)
        return replace(known, asked=asked)


def handed(typestate: Typestate, node: Node, target: Callee, env: Env) -> Handed:
    """What a call hands to one of the functions it may run."""
    module = target.function[0]
    scope = typestate.project.scope(target.function)
    given = Handed()
    callee = typestate.node_at(node[1])
    bound = target.receiver is not None
    if bound and callee[0] == "attr" and scope.params:
        given.add(typestate, (module, scope.params[0].node), callee[1])
    collected: dict[ObjectKey, list[States | None]] = {}
    for position, argument in bind(scope, node, bound):
        there: ObjectKey = (module, scope.params[position].node)
        star = typestate.node_at(argument)[0] == "star"
        states = None if star else typestate.states(env, argument)
        if scope.params[position].kind == "vararg":
            collected.setdefault(("value", *there), []).append(states)
        elif not star:
            given.add(typestate, there, argument)
            if states is not None:
                given.states["value", *there] = Known(states)
    for key, every in collected.items():
        if all(each is not None for each in every):
            given.states[key] = Known(frozenset[str]().union(*(each or () for each in every)))
    return given


def to_property(typestate: Typestate, base: int, function: FunctionId) -> Handed:
    """What reading a property hands to its function."""
    given = Handed()
    scope = typestate.project.scope(function)
    if scope.params:
        given.add(typestate, (function[0], scope.params[0].node), base)
    return given
