"""Occurrences: the words an expression may be, each with the place to show and the certainty that it gets there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from governance.contract import Ref, Trail
from governance.contracts.vocabulary import arguments, members
from governance.contracts.vocabulary.callers import Callers, Receiver
from governance.contracts.vocabulary.words import Vocabulary
from governance.facts import Node
from governance.findings import Grade
from governance.index import Index
from governance.index.values import ClassId, FunctionId, Key, Value

_FOLDS: Final = frozenset(("lower", "upper", "casefold", "title", "capitalize", "strip", "swapcase"))
_SHOWING: Final = frozenset(("value", "name", "_value_", "_name_"))
_LOOKING_UP: Final = {"get": 2, "pop": 2, "setdefault": 2, "getenv": 2, "next": 2, "getattr": 3}
"""Lookups with a fallback as their last argument, with the number of their arguments."""

_CALLS: Final = 3
_DEPTH: Final = 12
_STEPS: Final = 12


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A word at a place. shown: as messages write it; kind: "string", or "member" of another enum (text is what it is
    stored as), or "enum": any member of another enum (text is that enum's first word outside the vocabulary)."""

    place: Ref
    text: str
    grade: Grade
    shown: str
    kind: str = "string"
    chain: tuple[Trail, ...] = ()


class Occurrences:
    """Finds words for one vocabulary."""

    def __init__(self, index: Index, vocabulary: Vocabulary, governed: Callable[[Ref], bool]) -> None:
        self.index = index
        self.vocabulary = vocabulary
        self.governed = governed
        """Whether an expression can only hold words, or what else gets there has been judged on its way in."""
        self.callers = Callers(index)

    def words(self, ref: Ref, receiver: Receiver | None = None, depth: int = _DEPTH) -> Iterator[Occurrence]:
        """Words written in the expression itself, then those its values may be."""
        node = self.index.project.node(ref)
        op = node[0]
        if depth == 0:
            return
        if op == "const":
            if node[1] == "str":
                yield Occurrence(ref, node[2], Grade.DEFINITE, repr(node[2]))
        elif op == "ifexp":
            for each in node[2:]:
                yield from self.words((ref[0], each), receiver, depth - 1)
        elif op in ("and", "or"):
            # What `and` gives of its earlier operands is falsy, so no word.
            for each in node[1][-1:] if op == "and" else node[1]:
                yield from self.words((ref[0], each), receiver, depth - 1)
        elif op == "annotated":
            if node[2] >= 0:
                yield from self.words((ref[0], node[2]), receiver, depth - 1)
        elif op == "unpack" and (picked := self._picked(ref, node)) is not None:
            yield from self.words(picked, receiver, depth - 1)
        elif op == "call" and (folded := self._folded(ref, node)) is not None:
            base, method = folded
            for each in self.words(base, receiver, depth - 1):
                text = getattr(each.text, method)() if method else each.text
                yield replace(each, text=text, shown=repr(text))
        else:
            yield from self._valued(ref, receiver, depth)

    def _picked(self, ref: Ref, node: Node) -> Ref | None:
        """The element of a display that unpacking takes."""
        source = self.index.project.node((ref[0], node[1]))
        if source[0] not in ("tuple", "list") or node[3]:
            return None
        if any(self.index.project.node((ref[0], each))[0] == "star" for each in source[1]):
            return None
        return (ref[0], source[1][node[2]]) if -len(source[1]) <= node[2] < len(source[1]) else None

    def _folded(self, ref: Ref, node: Node) -> tuple[Ref, str] | None:
        """`x.upper()` and `str(x)`."""
        callee = self.index.project.node((ref[0], node[1]))
        given = node[2]
        if callee[0] == "attr" and callee[2] in _FOLDS and not given:
            return (ref[0], callee[1]), callee[2]
        if len(given) == 1 and "builtins.str" in self.index.externals(ref):
            return (ref[0], given[0]), ""
        return None

    def _valued(self, ref: Ref, receiver: Receiver | None, depth: int) -> Iterator[Occurrence]:
        values = self.index.values(ref)
        found = False
        if self.governed(ref) or self.governed(self.callers.root(ref)):
            return
        own = any(value[0] in ("inst", "self", "enum") and value[1] in self.vocabulary.classes for value in values)
        for value, evidence in values.items():
            if value[:2] == ("const", "str"):
                found = True
                if not self._shown_member(ref):
                    grade = Grade(evidence.grade) if self._certain(ref, value) else Grade.POSSIBLE
                    yield from self._origins(ref, value, grade, receiver, _CALLS)
            elif value[0] == "enum" and value[1] not in self.vocabulary.classes:
                found = True
                shown = f"{self.index.project.scope(value[1]).name}.{value[2]}"
                cap = self._reaches(ref, value, receiver, _CALLS)
                if cap > Grade.UNRESOLVED:
                    grade, chain = min(Grade(evidence.grade), cap), self.index.chain(ref, value)
                    yield Occurrence(ref, self._stored_as(value), grade, shown, "member", chain)
            elif value[0] == "inst" and not own:
                found = True
                yield from self._any_member(ref, ref, value, Grade(evidence.grade))
        node = self.index.project.node(ref)
        if node[0] == "attr" and node[2] in _SHOWING:
            base = (ref[0], node[1])
            for value, evidence in self.index.values(base).items():
                if value[0] == "inst" and value[1] not in self.vocabulary.classes:
                    yield from self._any_member(ref, base, value, Grade(evidence.grade))
        if not found and node[0] == "attr":
            yield from self._functional(ref, node)
        if not found and node[0] == "call" and (fallback := self._fallback(ref, node)) is not None:
            yield from self.words(fallback, receiver, depth - 1)
        if not found and node[0] == "local" and node[2] >= 0:
            for each in self.words((ref[0], node[2]), receiver, depth - 1):
                yield replace(each, place=ref)

    def _fallback(self, ref: Ref, node: Node) -> Ref | None:
        """What a lookup in something unknown gives if there is nothing: `row.get("state", "NEW")`."""
        callee = self.index.project.node((ref[0], node[1]))
        name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] == "free" else ""
        if len(node[2]) != _LOOKING_UP.get(name, 0) or node[3]:
            return None
        return (ref[0], node[2][-1])

    def _any_member(self, ref: Ref, base: Ref, value: Value, grade: Grade) -> Iterator[Occurrence]:
        """An instance of another enumeration that has words the vocabulary has not."""
        foreign = self._first_foreign(value[1]) if self.index.is_enum(value[1]) else ""
        if foreign:
            shown = f"a member of {self.index.project.scope(value[1]).name}"
            yield Occurrence(ref, foreign, grade, shown, "enum", self.index.chain(base, value))

    def _functional(self, ref: Ref, node: Node) -> Iterator[Occurrence]:
        """A member of another enumeration that was made by a call."""
        for entity in self.index.names.resolve((ref[0], node[1])):
            made = (entity[1], entity[2]) if entity[0] == "node" else None
            if made is None or made in self.vocabulary.definitions:
                continue
            member = members.of_definition(self.index, made).get(node[2])
            if member is not None and members.functional(self.index, made) is not None:
                text = member[1] if member[1] is not None else node[2]
                yield Occurrence(ref, text, Grade.DEFINITE, self.index.project.text(ref), "member")

    def _shown_member(self, ref: Ref) -> bool:
        """`Enum.WORD.value`: the member itself has been judged."""
        node = self.index.project.node(ref)
        return (
            node[0] == "attr"
            and node[2] in _SHOWING
            and any(
                value[0] == "enum" and value[1] in self.vocabulary.classes
                for value in self.index.values((ref[0], node[1]))
            )
        )

    def _stored_as(self, member: Value) -> str:
        """The string a member of another enum is stored as, its name if that is no constant string."""
        found = self.index.classes.lookup(member[1], member[2])
        texts = [text for each in (found[1] if found else ()) for text in arguments.strings(self.index, each)]
        return texts[0] if texts else str(member[2])

    def _first_foreign(self, cls: ClassId) -> str:
        words = {
            name: text if text is not None else name for name, (_, text) in members.of_class(self.index, cls).items()
        }
        outside = [
            word
            for name, word in words.items()
            if word not in self.vocabulary.strings and name not in self.vocabulary.names
        ]
        return outside[0] if outside else ""

    def _certain(self, ref: Ref, value: Value) -> bool:
        """False if the word comes out of an attribute or a list that holds several things: which one is not known."""
        key: Key = ("n", *ref)
        for _ in range(_STEPS):
            evidence = self.index.solver.ask(key).get(value)
            if evidence is None or evidence.source is None or evidence.value is None:
                return True
            source = evidence.source
            if key[0] == "n" and self._open((key[1], key[2])):
                return False
            picks = key[0] == "n" and self._picks((key[1], key[2]))
            if (source[0] == "attr" or (source[0] == "elem" and picks)) and len(self.index.solver.ask(source)) > 1:
                return False
            key, value = source, evidence.value
        return True

    def _open(self, ref: Ref) -> bool:
        """An attribute with a default that is declared to hold any string, or whatever another enumeration has."""
        node = self.index.project.node(ref)
        if node[0] != "attr" or node[2].isupper():
            return False
        if node[2] in _SHOWING:
            return any(value[0] == "inst" for value in self.index.values((ref[0], node[1])))
        return any(value[:2] == ("xinst", "builtins.str") for value in self.index.values(ref))

    def _picks(self, ref: Ref) -> bool:
        """`words[0]` and `a, b = words`."""
        node = self.index.project.node(ref)
        if node[0] == "sub":
            return bool(self.index.project.node((ref[0], node[2]))[0] == "const")
        return bool(node[0] == "unpack")

    # Where a word enters: the argument that hands it in, if it comes through a parameter

    def _origins(
        self, ref: Ref, value: Value, grade: Grade, receiver: Receiver | None, depth: int
    ) -> Iterator[Occurrence]:
        parameter = self.callers.parameter(ref)
        hands = self.callers.hands(parameter, value, receiver) if parameter is not None and depth else None
        if hands is None:
            best = min(grade, self._forwarded(parameter)) if parameter is not None and depth else grade
            yield Occurrence(ref, value[2], best, repr(value[2]), "string", self.index.chain(ref, value))
            return
        for hand in hands:
            if self.governed(hand.given.ref):
                continue
            best = min(grade, hand.grade)
            literal = next(self.literals(hand.given.place, value[2]), None)
            if literal is not None:
                chain = self.index.chain(ref, value)
                yield Occurrence(literal, value[2], best, repr(value[2]), "string", chain)
            else:
                yield from self._origins(hand.given.place, value, best, hand.receiver, depth - 1)

    def _forwarded(self, parameter: tuple[FunctionId, int]) -> Grade:
        """How sure a value is that no call hands to a parameter: functions that forward whatever they get (`*args`)
        mix what is meant for one function with what is meant for others."""
        return Grade.POSSIBLE if self.callers.calls(parameter[0]) else Grade.DEFINITE

    def _reaches(self, ref: Ref, value: Value, receiver: Receiver | None, depth: int) -> Grade:
        """How sure it is that a value gets to an expression; UNRESOLVED if all that brings it has been judged."""
        if self.governed(ref):
            return Grade.UNRESOLVED
        parameter = self.callers.parameter(ref)
        if parameter is None or not depth:
            return Grade.DEFINITE if depth == _CALLS or self._certain(ref, value) else Grade.POSSIBLE
        hands = self.callers.hands(parameter, value, receiver)
        if hands is None:
            return self._forwarded(parameter)
        ways = [self._reaches(each.given.ref, value, each.receiver, depth - 1) for each in hands]
        return max(ways, default=Grade.UNRESOLVED)

    def literals(self, ref: Ref, text: str) -> Iterator[Ref]:
        """Where a word is written in an expression itself."""
        node = self.index.project.node(ref)
        if node[:3] == ["const", "str", text]:
            yield ref
        elif node[0] == "ifexp":
            for each in node[2:]:
                yield from self.literals((ref[0], each), text)
        elif node[0] in ("and", "or"):
            for each in node[1]:
                yield from self.literals((ref[0], each), text)

    # Containers

    def elements(self, ref: Ref) -> Iterator[Ref | Key]:
        """The parts of a display in place, else the keys of the elements of what it may be."""
        node = self.index.project.node(ref)
        if node[0] in ("tuple", "list", "set"):
            for each in node[1]:
                inner = self.index.project.node((ref[0], each))
                if inner[0] == "star":
                    yield from self.elements((ref[0], inner[1]))
                else:
                    yield (ref[0], each)
        elif node[0] == "dict":
            for key, value in node[1]:
                if key >= 0:
                    yield (ref[0], key)
                else:
                    yield from self.elements((ref[0], value))
        elif node[0] == "comp" and node[1] != "dict":
            yield (ref[0], node[2])
        elif node[0] == "call" and len(node[2]) == 1 and self._is_copy(ref):
            yield from self.elements((ref[0], node[2][0]))
        elif node[0] == "binary" and node[1] in ("|", "+", "-", "&"):
            yield from self.elements((ref[0], node[2]))
            if node[1] in ("|", "+"):
                yield from self.elements((ref[0], node[3]))
        else:
            for value in self.index.values(ref):
                if value[0] == "cont":
                    yield from value[2][:1] if value[1] != "tuple" else value[2]

    def _is_copy(self, ref: Ref) -> bool:
        names = ("frozenset", "set", "tuple", "list", "sorted", "reversed", "iter", "deque")
        return bool(self.index.externals(ref) & {f"builtins.{name}" for name in names})

    def held(self, key: Key, place: Ref) -> Iterator[Occurrence]:
        """Words of a container that was made elsewhere, shown where it is used."""
        for value, evidence in self.index.solver.ask(key).items():
            if value[:2] == ("const", "str"):
                yield Occurrence(
                    place, value[2], Grade(evidence.grade), repr(value[2]), "string", self.index.trail(key, value)
                )
            elif value[0] == "enum" and value[1] not in self.vocabulary.classes:
                shown = f"{self.index.project.scope(value[1]).name}.{value[2]}"
                yield Occurrence(
                    place, self._stored_as(value), Grade(evidence.grade), shown, "member", self.index.trail(key, value)
                )
