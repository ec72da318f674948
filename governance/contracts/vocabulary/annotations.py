"""Annotations: where in a declared type words of the vocabulary are expected."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from governance.contract import Ref
from governance.contracts.vocabulary.words import Form, Vocabulary
from governance.findings import Grade
from governance.index import Index
from governance.index.values import MAPPINGS, SEQUENCES, ClassId, last_part

_WRAPPERS: Final = frozenset(
    "Optional Annotated Final ClassVar Required NotRequired ReadOnly InitVar Mapped Unpack Awaitable".split()
)
_COUNTERS: Final = frozenset(("Counter",))


@dataclass(frozen=True, slots=True)
class Shape:
    """kind: word; seq (element), map (key, value), tuple (one part each), record (cls: fields by its annotations).

    text says what holds the words, for messages; grade how certain it is that it does.
    """

    kind: str
    parts: tuple[Shape | None, ...] = ()
    cls: ClassId | None = None
    form: Form = Form.ANY
    fold: str = ""
    text: str = ""
    grade: Grade = Grade.DEFINITE

    def named(self, text: str, grade: Grade = Grade.DEFINITE) -> Shape:
        """The same shape under a description, no more certain than `grade`."""
        return replace(self, text=text, grade=min(grade, self.grade))


WORD: Final = Shape("word")


class Annotations:
    """Reads annotations for one vocabulary."""

    def __init__(self, index: Index, vocabulary: Vocabulary) -> None:
        self.index = index
        self.vocabulary = vocabulary

    def read(self, ref: Ref, depth: int = 8) -> Shape | None:
        """The shape an annotation declares. A union with anything but None promises nothing."""
        if depth == 0 or ref[1] < 0:
            return None
        node = self.index.project.node(ref)
        op = node[0]
        if op == "binary" and node[1] == "|":
            return self._union([(ref[0], node[2]), (ref[0], node[3])], depth)
        if op in ("alias", "annotated") and ref not in self.vocabulary.definitions:
            return self.read((ref[0], node[-1]), depth - 1)
        if op == "sub" and ref not in self.vocabulary.definitions:
            return self._generic(ref, (ref[0], node[1]), self.index.classes.arguments((ref[0], node[2])), depth)
        for entity in self.index.names.resolve(ref):
            if entity[0] == "cls" and entity[1] in self.vocabulary.classes:
                return WORD
            if entity[0] == "cls" and self._is_record(entity[1]):
                return Shape("record", cls=entity[1])
            if entity[0] == "node":
                target = (entity[1], entity[2])
                if target in self.vocabulary.definitions:
                    return WORD
                if target != ref or op == "call":
                    return self._alias(target, depth)
        return None

    def _alias(self, ref: Ref, depth: int) -> Shape | None:
        node = self.index.project.node(ref)
        if node[0] == "call" and len(node[2]) == 2:
            if any(last_part(name) == "NewType" for name in self.index.names.dotted((ref[0], node[1]))):
                return self.read((ref[0], node[2][1]), depth - 1)
            return None
        return self.read(ref, depth - 1) if node[0] in ("alias", "annotated", "sub", "binary") else None

    def _union(self, sides: list[Ref], depth: int) -> Shape | None:
        found: Shape | None = None
        for side in sides:
            node = self.index.project.node(side)
            if node[:2] == ["const", "none"]:
                continue
            shape = self.read(side, depth - 1)
            if shape is None or (found is not None and found.kind != shape.kind):
                return None
            found = shape
        return found

    def _generic(self, ref: Ref, base: Ref, arguments: list[Ref], depth: int) -> Shape | None:
        names = {last_part(entity[1]) for entity in self.index.names.resolve(base) if entity[0] == "ext"}
        if not arguments:
            return None
        if "Union" in names:
            return self._union(arguments, depth)
        if names & _WRAPPERS:
            return self.read(arguments[0], depth - 1)
        if names & {"tuple", "Tuple"}:
            last = self.index.project.node(arguments[-1])
            if len(arguments) == 2 and last[:2] == ["const", "ellipsis"]:
                return self._holding("seq", arguments[:1], depth)
            return self._holding("tuple", arguments, depth)
        if names & MAPPINGS and len(arguments) == 2:
            return self._holding("map", arguments, depth)
        if names & _COUNTERS:
            part = self.read(arguments[0], depth - 1)
            return Shape("map", (part, None)) if part else None
        if names & SEQUENCES:
            return self._holding("seq", arguments[:1], depth)
        return None

    def _holding(self, kind: str, arguments: list[Ref], depth: int) -> Shape | None:
        parts = tuple(self.read(each, depth - 1) for each in arguments)
        return Shape(kind, parts) if any(parts) else None

    def _is_record(self, cls: ClassId) -> bool:
        return any(last_part(base) == "TypedDict" for base in self.index.external_bases(cls))
