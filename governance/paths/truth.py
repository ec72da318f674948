"""Truth: what is known of values, and what a test that came out true or false says about them.

| value                    | meaning |
|--------------------------|---------|
| ("const", type, value)   | that constant; type "enum": value is (C, member) |
| ("some",)                | not None |
| ("truthy",) ("falsy",)   | so when tested; with a second element "soft": it may have changed since |
| ("exception", kind)      | an exception object |
| ("exception type", kind) | its class, as `__exit__` receives it |

Nothing is known of a place without a value. A test that contradicts soft knowledge is not impossible, but no more than
possible: objects change, and other threads run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from governance.facts import Node
from governance.index.values import NONE
from governance.paths.frames import SELF, Frame
from governance.paths.outcomes import DEFINITE, POSSIBLE, Abstract, Place, State
from governance.paths.tracked import place_key

if TYPE_CHECKING:
    from governance.index import Index
    from governance.paths.exceptions import Exceptions

TRUE: Final[Abstract] = ("const", "bool", True)
FALSE: Final[Abstract] = ("const", "bool", False)
NOTHING: Final[Abstract] = NONE
SOME: Final[Abstract] = ("some",)

Choice = tuple[State, int]
"""A state and how certain it is that the test can come out so."""

_IMMUTABLE: Final = frozenset(f"builtins.{name}" for name in ("bool", "int", "str", "float", "bytes", "complex"))


def truthiness(value: Abstract | None) -> bool | None:
    """Whether a value is true when tested; None if that is not known."""
    if value is None or value == SOME:
        return None
    if value[0] == "const":
        return None if value[1] == "enum" else bool(value[2])
    return bool(value[0] != "falsy")


def is_soft(value: Abstract | None) -> bool:
    """Whether the knowledge may be out of date."""
    return value is not None and value[-1] == "soft"


class Truth:
    """Evaluates expressions and tests over what is known in a state."""

    def __init__(self, index: Index, exceptions: Exceptions) -> None:
        self.index = index
        self.exceptions = exceptions
        self._immutable: dict[tuple[str, int], bool] = {}

    def place(self, frame: Frame, node: int) -> tuple[Place | None, bool]:
        """Where the value of an expression is kept, and whether that is a variable (else: inside an object)."""
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
            if fact[0] in ("attr", "store_attr") and frame.is_self(fact[1]):
                owner = frame.self_frame(frame.name_of(fact[1]) or "")
                if owner is not None and owner.same_self:
                    return (SELF, fact[2]), False
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
        rule = _EVALUATE.get(fact[0])
        return rule(self, frame, node, fact, state) if rule else None

    def stored(self, frame: Frame, node: int, state: State) -> Abstract | None:
        """What is known of a definition when it is bound."""
        fact = frame.facts.nodes[node]
        if fact[0] == "annotated":
            return self.stored(frame, fact[2], state) if fact[2] >= 0 else None
        if fact[0] == "unpack" and not fact[3]:
            source = frame.facts.nodes[fact[1]]
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
        if op not in ("is", "=="):
            return [(state, DEFINITE)]
        one, other = self.evaluate(frame, left, state), self.evaluate(frame, right, state)
        if one is not None and one[0] == "const" and (other is None or other[0] != "const"):
            left, right, one, other = right, left, other, one
        if other is None or other[0] != "const":
            return [(state, DEFINITE)]
        known = _equal(one, other)
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


def _equal(one: Abstract | None, other: Abstract) -> bool | None:
    """Whether a value equals a constant; None if that is not known."""
    if one is None:
        return None
    if one[0] == "const":
        return one == other
    if other == NOTHING:
        return None if one[0] == "falsy" else False
    if one[0] in ("exception", "exception type"):
        return False
    known, wanted = truthiness(one), truthiness(other)
    return False if known is not None and wanted is not None and known != wanted else None


Rule = Callable[[Truth, Frame, int, Node, State], "Abstract | None"]


def _const(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    if fact[1] == "none":
        return NOTHING
    return ("const", fact[1], fact[2]) if fact[1] in ("bool", "str", "int") and fact[2] is not None else SOME


def _variable(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    place, _ = truth.place(frame, node)
    if place is not None:
        return state.env.get(place)
    if fact[0] == "free" and frame.loaded(str(fact[1])) is None:
        return _constant(truth, frame, node)
    return None


def _constant(truth: Truth, frame: Frame, node: int) -> Abstract | None:
    """A module's name that is declared Final, TYPE_CHECKING, or an enum member."""
    values = list(truth.index.values(frame.ref(node)))
    if len(values) != 1:
        return None
    value = values[0]
    if value[0] == "ext":
        if value[1] in ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING"):
            return FALSE
        return TRUE if value[1] == "builtins.__debug__" else None
    if value[0] == "enum":
        return ("const", "enum", (value[1], value[2]))
    if value[0] == "const" and _is_final(truth, frame, node):
        return ("const", value[1], value[2]) if value[2] is not None or value[1] == "none" else None
    return None


def _is_final(truth: Truth, frame: Frame, node: int) -> bool:
    fact = frame.facts.nodes[node]
    if fact[0] != "free":
        return False
    for entity in truth.index.names.lookup((frame.module, fact[2]), fact[1]):
        if entity[0] == "node":
            definition = truth.index.project.node((entity[1], entity[2]))
            if definition[0] == "annotated":
                annotation = truth.index.project.node((entity[1], definition[1]))
                name = annotation[1] if annotation[0] == "sub" else definition[1]
                if any(each.endswith(".Final") for each in truth.index.names.dotted((entity[1], name))):
                    return True
    return False


def _object(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    place, _ = truth.place(frame, node)
    if place is not None and place in state.env:
        return state.env[place]
    return _constant(truth, frame, node) if fact[0] == "attr" else None


def _through(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    return truth.evaluate(frame, fact[1], state)


def _not(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    value = truth.evaluate(frame, fact[1], state)
    known = truthiness(value)
    if known is None or is_soft(value):
        return None
    return FALSE if known else TRUE


def _test(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    true, false = (truth.assume(frame, node, wanted, state) for wanted in (True, False))
    if true and not false:
        return TRUE if fact[0] == "compare" else ("truthy",)
    if false and not true:
        return FALSE if fact[0] == "compare" else ("falsy",)
    return None


def _either(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    known = truthiness(truth.evaluate(frame, fact[1], state))
    then, other = truth.evaluate(frame, fact[2], state), truth.evaluate(frame, fact[3], state)
    if known is None:
        return then if then == other else None
    return then if known else other


def _display(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    if not fact[1]:
        return ("falsy", "soft") if fact[0] != "tuple" else ("falsy",)
    if any(isinstance(each, int) and frame.facts.nodes[each][0] == "star" for each in fact[1]):
        return SOME
    return ("truthy",) if fact[0] == "tuple" else ("truthy", "soft")


def _present(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    return SOME


def _called(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    known = state.env.get((frame.number, ("call", node)))
    if known is not None:
        return known
    names = {value[1] for value in truth.index.values(frame.ref(fact[1])) if value[0] == "ext"}
    if names == {"builtins.bool"} and len(fact[2]) == 1:
        answer = truthiness(truth.evaluate(frame, fact[2][0], state))
        return None if answer is None else TRUE if answer else FALSE
    if names == {"builtins.isinstance"} and len(fact[2]) == 2:
        return _isinstance(truth, frame, fact, state)
    if names == {"builtins.issubclass"} and len(fact[2]) == 2:
        return _isinstance(truth, frame, fact, state)
    if names == {"builtins.type"} and len(fact[2]) == 1:
        value = truth.evaluate(frame, fact[2][0], state)
        return ("exception type", value[1]) if value is not None and value[0] == "exception" else SOME
    return None


def _isinstance(truth: Truth, frame: Frame, fact: Node, state: State) -> Abstract | None:
    value = truth.evaluate(frame, fact[2][0], state)
    if value is None:
        return None
    if value[0] not in ("exception", "exception type"):
        return FALSE if value == NOTHING else None
    answers = {
        truth.exceptions.caught(value[1], handler) for handler in truth.exceptions.of_handler(frame.module, fact[2][1])
    }
    return TRUE if "must" in answers else FALSE if answers == {"no"} else None


_EVALUATE: Final[dict[str, Rule]] = {
    "const": _const, "local": _variable, "free": _variable, "narrow": _through, "attr": _object, "sub": _object,
    "not": _not, "and": _test, "or": _test, "compare": _test, "ifexp": _either, "tuple": _display, "list": _display,
    "set": _display, "dict": _display, "fstring": _present, "function": _present, "class": _present, "call": _called,
    "await": _through,
}  # fmt: skip
