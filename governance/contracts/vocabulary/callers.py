"""Callers: where a function is called, and which argument hands a value to one of its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from governance.contract import Ref
from governance.contracts.vocabulary import arguments
from governance.contracts.vocabulary.arguments import Given
from governance.findings import Grade
from governance.index import Index
from governance.index.values import ClassId, FunctionId, Value


@dataclass(frozen=True, slots=True)
class Receiver:
    """The object a word is stored on: at a call that hands in both, only calls with such an object count."""

    ref: Ref
    classes: frozenset[ClassId]


class Hand(NamedTuple):
    """An argument that hands something in, and what the receiver is at that call."""

    given: Given
    grade: Grade
    receiver: Receiver | None = None


class Call(NamedTuple):
    """A call that may run a function; taken: how many leading parameters the receiver takes."""

    ref: Ref
    taken: int
    grade: Grade


class Callers:
    """Call sites of one project, remembered."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._calls: dict[FunctionId, list[Call]] = {}

    def root(self, ref: Ref) -> Ref:
        """The definition a name was last bound to, narrowing aside."""
        for _ in range(20):
            node = self.index.project.node(ref)
            if node[0] == "local" and node[2] >= 0:
                ref = (ref[0], node[2])
            elif node[0] == "narrow":
                ref = (ref[0], node[1])
            else:
                break
        return ref

    def parameter(self, ref: Ref) -> tuple[FunctionId, int] | None:
        """The parameter an expression is, None if it is something else."""
        root = self.root(ref)
        node = self.index.project.node(root)
        return ((root[0], int(node[1])), int(node[2])) if node[0] == "param" else None

    def calls(self, function: FunctionId) -> list[Call]:
        """Calls that may run a function, found by the names it goes by."""
        if function not in self._calls:
            project = self.index.project
            owner = project.owning_class(function)
            names = {project.scope(function).name}
            if owner is not None and names & {"__init__", "__new__"}:
                names |= {project.scope(each).name for each in self.index.subclasses(owner)}
            names |= {alias for name in names for alias in project.aliases.get(name, ())}
            refs = [ref for name in sorted(names) if name for ref in project.calls(name)]
            self._calls[function] = [
                Call(ref, int(callee.receiver is not None) + arguments.kept(self.index, ref), callee.grade)
                for ref in refs
                for callee in [each for each in self.index.callees(ref) if each.function == function][:1]
            ]
        return self._calls[function]

    def handed(self, parameter: tuple[FunctionId, int], receiver: Receiver | None) -> Iterator[tuple[Hand, bool]]:
        """(what a call hands to the parameter, whether its receiver is one that counts), defaults at the end."""
        function, position = parameter
        scope = self.index.project.scope(function)
        for call in self.calls(function):
            pairs = list(arguments.to_parameters(self.index, call.ref, scope, call.taken))
            held, counts = self._held(function, receiver, pairs)
            for number, given in pairs:
                if number == position:
                    yield Hand(given, call.grade, held), counts
        default = scope.params[position].default
        if default >= 0:
            yield Hand(Given((function[0], default), (function[0], default)), Grade.DEFINITE), True

    def keywords(self, function: FunctionId, receiver: Receiver | None) -> Iterator[tuple[str, Given]]:
        """Keywords that calls hand to `**options` of a function, as far as the receiver is one that counts."""
        scope = self.index.project.scope(function)
        named = {each.name for each in scope.params if each.kind in ("normal", "keyword")}
        for call in self.calls(function):
            pairs = list(arguments.to_parameters(self.index, call.ref, scope, call.taken))
            if self._held(function, receiver, pairs)[1]:
                for name, given in arguments.keywords(self.index, call.ref):
                    if name not in named:
                        yield name, given

    def _held(
        self, function: FunctionId, receiver: Receiver | None, pairs: list[tuple[int, Given]]
    ) -> tuple[Receiver | None, bool]:
        """What a call hands in as the receiver, and whether that may be an object of the receiver's classes."""
        carrier = self.parameter(receiver.ref) if receiver is not None else None
        if receiver is None or carrier is None or carrier[0] != function:
            return None, True
        holder = next((given.ref for number, given in pairs if number == carrier[1]), None)
        if holder is None:
            return None, True
        known = self.index.classes_of(holder)
        return Receiver(holder, receiver.classes), not known or not receiver.classes.isdisjoint(known)

    def hands(self, parameter: tuple[FunctionId, int], value: Value, receiver: Receiver | None) -> list[Hand] | None:
        """What hands this value to the parameter; None if no call is known to."""
        found = [
            (hand, counts)
            for hand, counts in self.handed(parameter, receiver)
            if value in self.index.values(hand.given.ref)
        ]
        return [hand for hand, counts in found if counts] if found else None

    def entries(self, ref: Ref, receiver: Receiver | None) -> Iterator[tuple[str, Given]]:
        """Entries of a mapping, those that callers hand in as `options` or `**options` included."""
        parameter = self.parameter(ref)
        if parameter is None:
            yield from arguments.entries(self.index, ref)
        elif self.index.project.scope(parameter[0]).params[parameter[1]].kind == "kwarg":
            yield from self.keywords(parameter[0], receiver)
        else:
            for hand, counts in self.handed(parameter, receiver):
                if counts:
                    yield from arguments.entries(self.index, hand.given.ref)
