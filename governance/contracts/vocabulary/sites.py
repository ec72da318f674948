"""Sites: expressions that must hold words of the vocabulary, and the judgement of what they may hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from governance.contract import Ref, Violation
from governance.contracts.vocabulary import arguments
from governance.contracts.vocabulary.annotations import WORD, Shape
from governance.contracts.vocabulary.callers import Receiver
from governance.contracts.vocabulary.mentions import Mentions
from governance.contracts.vocabulary.occurrences import Occurrence, Occurrences
from governance.contracts.vocabulary.regions import Regions
from governance.contracts.vocabulary.shapes import Shapes
from governance.contracts.vocabulary.vetting import Vetting
from governance.contracts.vocabulary.words import Form, Vocabulary
from governance.findings import Grade
from governance.index import Index

_NESTING: Final = 6


@dataclass(frozen=True, slots=True)
class Site:
    """verb: how a word gets there, e.g. "is stored in"; place: shown instead of the word when that stands elsewhere."""

    ref: Ref
    shape: Shape
    check: str
    verb: str
    place: Ref | None = None
    receiver: Receiver | None = None
    compared: bool = False
    unknown: bool = False
    """The receiver is not known: only forbidden words count, and they stay unresolved."""


class Scene:
    """What every part of the check works with: the project, the vocabulary, its shapes and occurrences."""

    def __init__(self, index: Index, vocabulary: Vocabulary) -> None:
        self.index = index
        self.vocabulary = vocabulary
        self.mentions = Mentions(index, vocabulary)
        self.shapes = Shapes(index, vocabulary, self.mentions)
        self.regions = Regions(index)
        vetting = Vetting(index, vocabulary, self.mentions)
        self.occurrences = Occurrences(index, vocabulary, lambda ref: self.shapes.governs(ref) or vetting.vetted(ref))

    def unknown(self, base: Ref, name: str) -> Shape | None:
        """The shape of a listed attribute's namesake on an object nothing is known about."""
        if name not in self.vocabulary.attributes or self.index.values(base):
            return None
        return WORD.named(f"an attribute called {name}", Grade.UNRESOLVED)

    def where(self, ref: Ref) -> str:
        """The function or class a node stands in, for messages."""
        scope = self.index.project.owner(ref)
        return self.index.project.qualname(scope) or f"module {ref[0]}"

    def judge(self, site: Site) -> Iterator[Violation]:
        """A violation for every word outside the vocabulary that may get to the site."""
        yield from self._judge(site, site.ref, site.shape, _NESTING)

    def _judge(self, site: Site, ref: Ref, shape: Shape, depth: int) -> Iterator[Violation]:
        node = self.index.project.node(ref)
        if node[0] == "augmented":
            # What was there before has been judged; `state += "x"` makes a word nobody can foresee.
            if shape.kind != "word":
                yield from self._judge(site, (ref[0], node[3]), shape, depth)
            return
        if depth == 0:
            return
        if shape.kind == "word":
            for each in self.occurrences.words(ref, site.receiver):
                yield from self.violation(site, shape, each)
        elif self._judged(ref, shape):
            return
        elif shape.kind == "seq" and shape.parts[0] is not None:
            yield from self._sequence(site, ref, self._inner(shape, 0), depth)
        elif shape.kind == "map":
            yield from self._mapping(site, ref, shape, depth)
        elif shape.kind == "tuple":
            for part, given in zip(shape.parts, self.occurrences.elements(ref), strict=False):
                if part is not None and isinstance(given[1], int) and len(given) == 2:
                    yield from self._judge(site, (str(given[0]), given[1]), self._named(part, shape), depth - 1)
        elif shape.kind == "record" and shape.cls is not None:
            for name, entry in arguments.entries(self.index, ref):
                field = self.shapes.attribute(shape.cls, name)
                if field is not None:
                    moved = site if entry.ref == entry.place else replace(site, place=entry.place)
                    yield from self._judge(moved, entry.ref, field, depth - 1)

    def _judged(self, ref: Ref, shape: Shape) -> bool:
        """A container that is declared itself has been judged where it was made."""
        if self.index.project.node(ref)[0] not in ("local", "free", "attr", "param", "narrow"):
            return False
        declared = self.shapes.declared(ref)
        return declared is not None and declared.kind == shape.kind

    def _sequence(self, site: Site, ref: Ref, part: Shape, depth: int) -> Iterator[Violation]:
        for each in self.split(ref):
            yield from self.violation(site, part, each)
        for given in self.occurrences.elements(ref):
            if len(given) == 2 and isinstance(given[1], int):
                yield from self._judge(site, (str(given[0]), given[1]), part, depth - 1)
            elif part.kind == "word":
                for each in self.occurrences.held(given, ref):
                    yield from self.violation(site, part, each)

    def split(self, ref: Ref) -> Iterator[Occurrence]:
        """The words of `"A B".split()`."""
        node = self.index.project.node(ref)
        if node[0] != "call":
            return
        callee = self.index.project.node((ref[0], node[1]))
        if callee[0] == "attr" and callee[2] == "split":
            separators = [text for each in node[2] for text in arguments.strings(self.index, (ref[0], each))]
            for text in arguments.strings(self.index, (ref[0], callee[1])):
                for word in text.split(separators[0] if separators else None):
                    yield Occurrence(ref, word, Grade.DEFINITE, repr(word))

    def _mapping(self, site: Site, ref: Ref, shape: Shape, depth: int) -> Iterator[Violation]:
        node = self.index.project.node(ref)
        if node[0] == "dict":
            pairs = [(each[part], part) for each in node[1] for part in (0, 1) if each[0] >= 0]
        elif node[0] == "comp" and node[1] == "dict":
            pairs = [(node[2], 0), (node[3], 1)]
        else:
            pairs = []
            for value in self.index.values(ref):
                if value[:2] == ("cont", "dict"):
                    for part in (0, 1):
                        if shape.parts[part] is not None and value[2][part][0] in ("dkey", "dval"):
                            for each in self.occurrences.held(value[2][part], ref):
                                yield from self.violation(site, self._inner(shape, part), each)
        for number, part in pairs:
            if shape.parts[part] is not None:
                yield from self._judge(site, (ref[0], number), self._inner(shape, part), depth - 1)

    def _inner(self, shape: Shape, position: int) -> Shape:
        part = shape.parts[position]
        assert part is not None
        return self._named(part, shape)

    def _named(self, part: Shape, outer: Shape) -> Shape:
        return part.named(part.text or outer.text, outer.grade)

    def violation(self, site: Site, shape: Shape, word: Occurrence) -> Iterator[Violation]:
        """At most one: none if the word may stand at the site."""
        vocabulary = self.vocabulary
        grade = min(word.grade, shape.grade)
        if self._accepted(site, shape, word):
            return
        if word.text in vocabulary.names and shape.form is not Form.NAME:
            grade = min(grade, Grade.POSSIBLE)
        verdict = vocabulary.verdict(word.text)
        if word.kind == "enum":
            verdict = f"{word.text!r} is one of them and no word of {vocabulary.shown}"
        place = site.place or word.place
        where = f"{shape.text or f'a place for words of {vocabulary.shown}'} in {self.where(place)}"
        yield Violation(
            site.check,
            f"{word.shown} {site.verb} {where}: {verdict}",
            grade,
            place,
            chain=word.chain,
            subject=f"{word.text} {shape.text}",
        )

    def _accepted(self, site: Site, shape: Shape, word: Occurrence) -> bool:
        if site.unknown and word.text not in self.vocabulary.forbidden:
            return True
        if word.kind == "enum" or not word.text:
            return site.compared  # compared with "" is asked whether there is a word at all
        if word.kind == "member" and self.vocabulary.valid_name(word.text):
            return True
        return self.vocabulary.valid_string(word.text, shape.form, shape.fold)
