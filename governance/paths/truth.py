"""Truth: what is known of values, and what a test that came out true or false says about them.

A test that contradicts soft knowledge is not impossible, but no more than possible: objects change, and other threads
run. The values are those of `abstract`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.index.values import NONE
from governance.paths.abstract import FALSE, NOTHING, PARTS, SOME, TRUE, equal, is_soft, ordered, truthiness
from governance.paths.evaluating import EVALUATE
from governance.paths.frames import Frame
from governance.paths.outcomes import DEFINITE, POSSIBLE, Abstract, Place, State
from governance.paths.tracked import place_key

if TYPE_CHECKING:
    from governance.index import Index
    from governance.paths.exceptions import Exceptions

Choice = tuple[State, int]
"""A state and how certain it is that the test can come out so."""

_IMMUTABLE: Final = frozenset(f"builtins.{name}" for name in ("bool", "int", "str", "float", "bytes", "complex"))


class Truth:
    """Evaluates expressions and tests over what is known in a state."""

    def __init__(self, index: Index, exceptions: Exceptions) -> None:
        self.index = index
        self.exceptions = exceptions
        self._immutable: dict[tuple[str, int], bool] = {}
        self.held: dict[Ref, dict[str, Ref]] = {}
        """What the attributes of objects hold that calls have just made, see `governance.index.constructed`."""

    def place(self, frame: Frame, node: int) -> tuple[Place | None, bool]:
        """Where the value of an expression is kept, and whether that is a variable, or as good as one: inside an object
        that nobody else has. Else what is known may be out of date."""
        fact = frame.facts.nodes[node]
        if fact[0] == "narrow":
            return self.place(frame, fact[1])
        if fact[0] in ("local", "free"):
            place = frame.loaded(str(fact[1]))
            return (place if place and fact[1] in _tracked_by(frame, place) else None), True
        if fact[0] == "call":
            key = ("call", node)
            return ((frame.number, key) if key in frame.tracked else None), True
        if fact[0] in ("attr", "sub", "store_attr", "store_item"):
            this = frame.this_of(fact[1]) if fact[0] in ("attr", "store_attr") else None
            if this is not None and (this.flags is None or fact[2] in this.flags):
                return (this.number, fact[2]), this.flags is not None
            inside = place_key(frame.facts, node)
            base = frame.loaded(inside[1]) if isinstance(inside, tuple) else None
            if base is not None and inside in _tracked_by(frame, base):
                return (base[0], inside), False
        return None, False

    def evaluate(self, frame: Frame, node: int, state: State) -> Abstract | None:
        """What is known of the value of an expression."""
        if node < 0:
            return None
        fact = frame.facts.nodes[node]
        rule = EVALUATE.get(fact[0])
        return rule(self, frame, node, fact, state) if rule else None

    def stored(self, frame: Frame, node: int, state: State) -> Abstract | None:
        """What is known of a definition when it is bound."""
        fact = frame.facts.nodes[node]
        if fact[0] == "annotated":
            return self.stored(frame, fact[2], state) if fact[2] >= 0 else None
        if fact[0] == "unpack" and not fact[3]:
            source = frame.facts.nodes[fact[1]]
            known = self.evaluate(frame, fact[1], state) if source[0] != "tuple" else None
            if known is not None and known[:2] == ("truthy", PARTS):
                parts: tuple[Abstract | None, ...] = known[2]
                return parts[fact[2]] if -len(parts) <= fact[2] < len(parts) else None
            plain = source[0] == "tuple" and all(frame.facts.nodes[each][0] != "star" for each in source[1])
            return self.evaluate(frame, source[1][fact[2]], state) if plain and fact[2] < len(source[1]) else None
        return self.evaluate(frame, node, state)

    # tests ----------------------------------------------------------------------------------------------------------

    def assume(self, frame: Frame, node: int, wanted: bool, state: State) -> list[Choice]:
        """The states in which a test comes out as wanted; [] if it cannot."""
        fact = frame.facts.nodes[node]
        op = fact[0]
        if op == "not":
            return self.assume(frame, fact[1], not wanted, state)
        if op in ("and", "or"):
            return self._junction(frame, fact[1], op == "and", wanted, state)
        if op == "compare":
            if len(fact[1]) > 1:
                return [(state, DEFINITE)]
            return self._compare(frame, fact[1][0], fact[2][0], fact[2][1], wanted, state)
        if op == "call" and self._names(frame, fact[1], "builtins.bool") and len(fact[2]) == 1:
            return self.assume(frame, fact[2][0], wanted, state)
        value = self.evaluate(frame, node, state)
        known = truthiness(value)
        if known is not None and known != wanted:
            return [(state, POSSIBLE)] if is_soft(value) or self._inside_object(frame, node) else []
        if known is not None:
            return [(state, DEFINITE)]
        if value == SOME and not wanted and not self._has_own_truth(frame, node):
            return [(state, POSSIBLE)]
        after = self._refine(frame, node, ("truthy" if wanted else "falsy",), state, value)
        likely = wanted or not self._never_none(frame, node) or self._has_own_truth(frame, node)
        return [(after, DEFINITE if likely else POSSIBLE)]

    def _junction(
        self, frame: Frame, operands: list[int], conjunction: bool, wanted: bool, state: State
    ) -> list[Choice]:
        if conjunction == wanted:
            choices: list[Choice] = [(state, DEFINITE)]
            for operand in operands:
                choices = [
                    (after, min(grade, cap))
                    for before, grade in choices
                    for after, cap in self.assume(frame, operand, wanted, before)
                ]
            return choices
        # One of them decides; those in front of it came out the other way.
        result: list[Choice] = []
        earlier: list[Choice] = [(state, DEFINITE)]
        for operand in operands:
            following: list[Choice] = []
            for before, grade in earlier:
                for outcome, choices in ((wanted, result), (not wanted, following)):
                    choices += [(after, min(grade, cap)) for after, cap in self.assume(frame, operand, outcome, before)]
            earlier = following
        return result

    def _compare(self, frame: Frame, op: str, left: int, right: int, wanted: bool, state: State) -> list[Choice]:
        if op in ("is not", "!=", "not in"):
            op, wanted = {"is not": "is", "!=": "==", "not in": "in"}[op], not wanted
        if op == "in":
            return self._member(frame, left, right, wanted, state)
        one, other = self.evaluate(frame, left, state), self.evaluate(frame, right, state)
        if op not in ("is", "=="):
            answer = ordered(op, one, other)
            return [(state, DEFINITE)] if answer is None or answer == wanted else []
        if one is not None and one[0] == "const" and (other is None or other[0] != "const"):
            left, right, one, other = right, left, other, one
        if other is None or other[0] != "const":
            return [(state, DEFINITE)]
        known = equal(one, other)
        if known is not None:
            soft = is_soft(one) or self._inside_object(frame, left)
            return [(state, DEFINITE)] if known == wanted else [(state, POSSIBLE)] if soft else []
        if wanted:
            likely = other != NOTHING or one is not None or not self._never_none(frame, left)
            return [(self._set(frame, left, other, state), DEFINITE if likely else POSSIBLE)]
        if other == NOTHING:
            return [(self._set(frame, left, SOME, state) if one is None else state, DEFINITE)]
        if other in (TRUE, FALSE) and self._is_bool(frame, left):
            return [(self._set(frame, left, FALSE if other == TRUE else TRUE, state), DEFINITE)]
        return [(state, DEFINITE)]

    def _member(self, frame: Frame, left: int, right: int, wanted: bool, state: State) -> list[Choice]:
        value, container = self.evaluate(frame, left, state), frame.facts.nodes[frame.origin(right)]
        if value is None or value[0] != "const" or container[0] not in ("tuple", "list", "set"):
            return [(state, DEFINITE)]
        members = [self.evaluate(frame, each, state) for each in container[1]]
        if any(member is None or member[0] != "const" for member in members):
            return [(state, DEFINITE)]
        return [(state, DEFINITE)] if (value in members) == wanted else []

    def _refine(self, frame: Frame, node: int, value: Abstract, state: State, known: Abstract | None) -> State:
        if value[0] == "falsy" and known == SOME and not self._has_own_truth(frame, node):
            return state
        hard = self._unchanging(frame, node)
        return self._set(frame, node, value if hard else (*value, "soft"), state)

    def _set(self, frame: Frame, node: int, value: Abstract, state: State) -> State:
        place, _ = self.place(frame, node)
        return state.with_value(place, value) if place is not None else state

    def _inside_object(self, frame: Frame, node: int) -> bool:
        place, is_variable = self.place(frame, node)
        return place is not None and not is_variable

    def _unchanging(self, frame: Frame, node: int) -> bool:
        """Whether the truth of a value cannot change while the variable holds it."""
        ref = frame.ref(node)
        known = self._immutable.get(ref)
        if known is None:
            values = self.index.values(ref)
            known = bool(values) and all(
                value[0] in ("const", "enum") or (value[0] == "xinst" and value[1] in _IMMUTABLE) for value in values
            )
            self._immutable[ref] = known
        return known

    def _is_bool(self, frame: Frame, node: int) -> bool:
        values = self.index.values(frame.ref(node))
        return bool(values) and all(value[:2] in (("const", "bool"), ("xinst", "builtins.bool")) for value in values)

    def _has_own_truth(self, frame: Frame, node: int) -> bool:
        """Whether an object that is not None may still be false."""
        values = [value for value in self.index.values(frame.ref(node)) if value != NONE]
        if not values:
            return True
        for value in values:
            if value[0] not in ("inst", "self"):
                return True
            bases = self.index.external_bases(value[1]) - {"builtins.object", "abc.ABC", "typing.Protocol"}
            if bases or any(self.index.classes.lookup(value[1], name) for name in ("__bool__", "__len__")):
                return True
        return False

    def _never_none(self, frame: Frame, node: int) -> bool:
        """Whether everything that is known to arrive here is an object; a parameter must say so."""
        origin = frame.facts.nodes[frame.origin(node)]
        if origin[0] == "param" and frame.facts.scopes[origin[1]].params[origin[2]].annotation < 0:
            return False
        values = self.index.values(frame.ref(node))
        return bool(values) and NONE not in values

    def _names(self, frame: Frame, node: int, dotted: str) -> bool:
        return ("ext", dotted) in self.index.values(frame.ref(node))


def _tracked_by(frame: Frame, place: Place) -> frozenset[object]:
    for each in frame.lexical():
        if each.number == place[0]:
            return each.tracked
    return frozenset()
