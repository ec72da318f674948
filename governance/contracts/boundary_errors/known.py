"""What is known of values on a failure path: statuses, and whether containers and counters have been filled."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.contracts.boundary_errors import entries
from governance.contracts.boundary_errors.answers import answer
from governance.contracts.boundary_errors.application import is_http
from governance.contracts.boundary_errors.spoken import STORES, tuple_answers
from governance.contracts.boundary_errors.statuses import statuses
from governance.facts import Node
from governance.index import Index
from governance.paths.abstract import PARTS, SOME
from governance.paths.exceptions import ANY, Exceptions
from governance.paths.frames import SELF, Frame
from governance.paths.outcomes import DEFINITE, POSSIBLE, Abstract, Place, State
from governance.paths.truth import Choice, Truth

STATUS: Final[Place] = (SELF, "<status>")

_LENGTHS: Final = (["free", "len"], ["free", "any"])
_FILLED: Final = {(">", 0): True, (">=", 1): True, ("!=", 0): True, ("==", 0): False, ("<", 1): False, ("<=", 0): False}
"""Comparisons that ask whether something was counted, with the answer that means it was."""


class Known(Truth):
    """Truth that also follows statuses, and whether containers and counters have been filled."""

    def __init__(self, index: Index, exceptions: Exceptions) -> None:
        super().__init__(index, exceptions)
        self._statuses: dict[Ref, int] = {}
        self._filling: set[Ref] = set()
        self._something: dict[Ref, Abstract | None] = {}

    def place(self, frame: Frame, node: int) -> tuple[Place | None, bool]:
        """The status of whatever response has one place; an item that is stored fills its container."""
        fact = frame.facts.nodes[node]
        if fact[0] == "store_attr" and fact[2] in STORES:
            return STATUS, False
        place, is_variable = super().place(frame, node)
        if place is None and fact[0] == "store_item":
            place, _ = super().place(frame, fact[1])
            if place is not None:
                self._filling.add(frame.ref(fact[3]))
        return place, is_variable

    def stored(self, frame: Frame, node: int, state: State) -> Abstract | None:
        """What is known of a definition; a status in whatever spelling."""
        if frame.ref(node) in self._filling:
            return ("truthy",)
        known = super().stored(frame, node, state)
        plain = known is None or known == ("truthy",) or known[:2] == ("truthy", PARTS)
        number = self._status(frame.ref(node)) if plain else 0
        return ("const", "int", number) if number else known

    def evaluate(self, frame: Frame, node: int, state: State) -> Abstract | None:
        """What is known of an expression; `body, 400` and an answer kept in a module are known by their status."""
        if node >= 0:
            fact = frame.facts.nodes[node]
            if fact[0] == "dict" and (entered := entries.displayed(self.index, frame.ref(node))) is not None:
                return entered
            if (asked := self._asked_for(frame, fact)) is not None:
                found = entries.entry(self.evaluate(frame, asked[0], state), asked[1])
                if found is not None:
                    return found
            if fact[0] == "tuple" and tuple_answers(self.index, frame.ref(node)):
                status = self._status(frame.ref(fact[1][1]))
                if status:
                    return ("truthy", "status", status)
            elif fact[0] == "free" and frame.loaded(str(fact[1])) is None:
                status = self._kept(frame, fact)
                if status:
                    return ("truthy", "status", status)
            elif fact[0] in ("augmented", "binary") and fact[1] in ("+", "+="):
                return self._sum(frame, fact, state)
            elif fact[0] == "list" and any(frame.facts.nodes[each][0] != "star" for each in fact[1]):
                return ("truthy",)
            elif fact[0] == "call" and self._length_of(frame, node) >= 0:
                return self.evaluate(frame, self._length_of(frame, node), state)
        known = super().evaluate(frame, node, state)
        vague = node >= 0 and known in (None, SOME)
        return self._given(frame.ref(node)) or known if vague else known

    def _asked_for(self, frame: Frame, fact: Node) -> tuple[int, str] | None:
        """The dictionary and the key of `body.get("error")`."""
        callee = frame.facts.nodes[fact[1]] if fact[0] == "call" and len(fact[2]) == 1 else fact
        key = frame.facts.nodes[fact[2][0]] if callee is not fact else ["", ""]
        if callee[0] != "attr" or callee[2] != "get" or key[:2] != ["const", "str"] or key[2] is None:
            return None
        return int(callee[1]), str(key[2])

    def _given(self, ref: Ref) -> Abstract | None:
        """What is known of what a call gives, if it gives nothing but displays with something in them."""
        if self.index.project.node(ref)[0] != "call":
            return None
        if ref not in self._something:
            results = [
                self._displayed((callee.function[0], result))
                for callee in self.index.callees(ref)
                for result in self.index.project.scope(callee.function).results
            ]
            nodes = [self.index.project.node(each) for each in results]
            filled = bool(nodes) and all(node[0] in ("dict", "list", "tuple") and node[1] for node in nodes)
            one = entries.displayed(self.index, results[0]) if len(results) == 1 else None
            self._something[ref] = one or (("truthy",) if filled else None)
        return self._something[ref]

    def _displayed(self, ref: Ref) -> Ref:
        while (node := self.index.project.node(ref))[0] in ("local", "annotated") and node[2] >= 0:
            ref = (ref[0], node[2])
        return ref

    def assume(self, frame: Frame, node: int, wanted: bool, state: State) -> list[Choice]:
        """The states in which a test comes out as wanted; comparisons of counts and lengths with 0 and 1 are tests."""
        fact = frame.facts.nodes[node]
        if fact[0] == "compare" and len(fact[1]) == 1:
            left, right = fact[2]
            word = frame.facts.nodes[left]
            if fact[1][0] in ("in", "not in") and word[:2] == ["const", "str"] and word[2] is not None:
                present = entries.has(self.evaluate(frame, right, state), word[2])
                if present is not None:
                    return [(state, DEFINITE if present == (wanted == (fact[1][0] == "in")) else POSSIBLE)]
            bound = frame.facts.nodes[right]
            filled = _FILLED.get((fact[1][0], bound[2])) if bound[:2] == ["const", "int"] else None
            if filled is not None:
                inner = self._length_of(frame, left)
                return self.assume(frame, inner if inner >= 0 else left, wanted == filled, state)
        if fact[0] == "call" and self._length_of(frame, node) >= 0:
            return self.assume(frame, self._length_of(frame, node), wanted, state)
        if wanted and fact[0] == "call" and self._asks_for_answer(frame, fact, state):
            return []  # a failure that is one of the framework's answers is told
        return super().assume(frame, node, wanted, state)

    def _asks_for_answer(self, frame: Frame, fact: Node, state: State) -> bool:
        """Whether it is asked of a failure of no known class whether it is an HTTP exception."""
        if len(fact[2]) != 2 or not self._names(frame, fact[1], "builtins.isinstance"):
            return False
        kinds = self.exceptions.of_handler(frame.module, fact[2][1])
        if not kinds or not all(kind is not None and kind[0] == "external" and is_http(kind[1]) for kind in kinds):
            return False
        return self.evaluate(frame, fact[2][0], state) == ("exception", ANY)

    def _length_of(self, frame: Frame, node: int) -> int:
        """The x of `len(x)` and `any(x)`; -1 for every other expression."""
        fact = frame.facts.nodes[node]
        if fact[0] == "call" and len(fact[2]) == 1 and frame.facts.nodes[fact[1]][:2] in _LENGTHS:
            return int(fact[2][0])
        return -1

    def _sum(self, frame: Frame, fact: list[object], state: State) -> Abstract | None:
        """A count or list to which something is added is no longer empty."""
        one, other = (self.evaluate(frame, int(str(each)), state) for each in fact[2:4])
        if any(value is not None and value[0] == "truthy" for value in (one, other)):
            return ("truthy",)
        if one is not None and other is not None and one[:2] == other[:2] == ("const", "int"):
            return ("truthy",) if int(str(one[2])) + int(str(other[2])) > 0 else None
        return None

    def _kept(self, frame: Frame, fact: list[object]) -> int:
        for definition in self.index.names.binding((frame.module, int(str(fact[2]))), str(fact[1])) or ():
            if self.index.project.node(definition)[0] == "call":
                made = answer(self.index, definition)
                if made is not None:
                    return max(made.numbers(self.index), default=0)
        return 0

    def _status(self, ref: Ref) -> int:
        if ref not in self._statuses:
            self._statuses[ref] = max(statuses(self.index, ref), default=0)
        return self._statuses[ref]
