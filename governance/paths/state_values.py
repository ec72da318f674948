"""State values: which states of a table an expression may stand for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.index import Index
from governance.index.values import ClassId, Value
from governance.paths import enum_members

States: TypeAlias = "frozenset[str]"


_SETS: Final[Mapping[object, Callable[[States, States], States]]] = {
    "-": frozenset.difference,
    "&": frozenset.intersection,
    "^": frozenset.symmetric_difference,
}


class StateValues:
    """The states of one machine, by member name; strings count by name and by value."""

    def __init__(
        self, index: Index, enums: frozenset[ClassId], transitions: Mapping[str, tuple[str, ...]], initial: States
    ) -> None:
        self.index = index
        self.enums = enums
        self.transitions = transitions
        self.initial = initial
        self.states: States = frozenset(transitions) | frozenset(to for many in transitions.values() for to in many)
        self._aliases = {enum: enum_members.aliases(index, enum, self.states) for enum in enums}
        self._words = self._spellings()

    def _spellings(self) -> dict[object, str]:
        words: dict[object, str] = {state: state for state in self.states}
        for enum in self.enums:
            for name, ref in enum_members.members(self.index, enum).items():
                value = enum_members.constant(self.index, ref)
                if value is not None:
                    words.setdefault(value, self.member(enum, name))
        return words

    def member(self, enum: ClassId, name: str) -> str:
        """The state that a member of an enumeration is: two with an equal value are one."""
        return self._aliases[enum].get(name, name)

    def of(self, ref: Ref) -> States | None:
        """The states an expression may be; None if one of its values is not known."""
        node = self.index.project.node(ref)
        if node[0] == "annotated" and node[2] >= 0:
            ref = (ref[0], node[2])
        return self.named(self.index.values(ref))

    def elements(self, ref: Ref, depth: int = 4) -> States | None:
        """The states that the elements of a container may be; `set(State) - CLOSED` is worked out."""
        node = self.index.project.node(ref)
        if node[0] == "free" and depth:
            found = self.index.names.binding((ref[0], node[2]), node[1]) or []
            return self.elements(found[0], depth - 1) if len(found) == 1 else self.named(self.index.elements(ref))
        if node[0] in ("local", "annotated") and node[2] >= 0 and depth:
            return self.elements((ref[0], node[2]), depth - 1)
        join = _SETS.get(node[1]) if node[0] == "binary" else None
        if join is not None and depth:
            left, right = (self.elements((ref[0], side), depth - 1) for side in node[2:4])
            return join(left, right) if left is not None and right is not None else None
        return self.named(self.index.elements(ref))

    def named(self, values: Mapping[Value, object]) -> States | None:
        """The states among values; other strings and members under their own name; None if nothing is said."""
        found: set[str] = set()
        vague = False
        for value in values:
            if value[0] == "enum" and value[1] in self.enums:
                found.add(self.member(value[1], str(value[2])))
            elif value[:2] == ("const", "str") or (value[:2] == ("const", "int") and value[2] in self._words):
                found.add(self._words.get(value[2], str(value[2])))
            elif value[0] in ("inst", "self") and value[1] in self.enums:
                vague = True
        return frozenset(found) if found and not vague else None

    def closure(self, states: States | None) -> States | None:
        """Everything that can be reached along the table."""
        if states is None:
            return None
        found = set(states)
        todo = list(states)
        while todo:
            for to in self.transitions.get(todo.pop(), ()):
                if to not in found:
                    found.add(to)
                    todo.append(to)
        return frozenset(found)
