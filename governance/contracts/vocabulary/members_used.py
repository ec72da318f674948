"""Members used: access to a member outside the vocabulary by attribute, subscript, call and getattr."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from governance.contract import Ref, Violation
from governance.contracts.vocabulary import arguments, members
from governance.contracts.vocabulary.occurrences import Occurrence
from governance.contracts.vocabulary.sites import Scene
from governance.contracts.vocabulary.words import Form
from governance.facts import Node
from governance.findings import Grade
from governance.index.values import ClassId

_COMMON: Final = frozenset(
    {*dir(enum.EnumMeta), *dir(enum.Enum), *dir(enum.Flag), *dir(str), *dir(int), "name", "value"}
)
"""Attributes every enumeration has."""

_TABLES: Final = {
    "__members__": Form.NAME,
    "__dict__": Form.NAME,
    "_member_map_": Form.NAME,
    "_value2member_map_": Form.VALUE,
}
_ASKING: Final = frozenset(("get", "getattr", "map", "attrgetter", "__getitem__", "__getattribute__", "__getattr__"))
_BY_NAME: Final = frozenset(("__getitem__", "__getattribute__", "__getattr__"))


class Uses:
    """Finds uses; `sites` counts the accesses to the enumeration that were looked at."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.index = scene.index
        self.vocabulary = scene.vocabulary
        self.sites = 0

    def violations(self) -> Iterator[Violation]:
        """Every use of a member outside the vocabulary."""
        for name, module in self.index.project.modules.items():
            for number, node in enumerate(module.facts.nodes):
                if node[0] == "attr":
                    yield from self._attribute((name, number), node)
                elif node[0] == "sub":
                    yield from self._subscript((name, number), node)
                elif node[0] == "call":
                    yield from self._call((name, number), node)

    @cached_property
    def suspects(self) -> frozenset[str]:
        """Names worth asking every receiver for: forbidden words and members that should not be there."""
        outside = {name for name in self.vocabulary.members if not self.vocabulary.valid_name(name)}
        return self.vocabulary.forbidden | outside

    # The enumeration as an object

    def enumeration(self, ref: Ref) -> Grade | None:
        """How certain it is that an expression is the enumeration itself, None if it is not."""
        grades = [grade for cls, (grade, _) in self.index.type_objects(ref).items() if cls in self.vocabulary.classes]
        if grades:
            return max(grades)
        if not self.vocabulary.definitions:
            return None
        if self._defined(ref):
            return Grade.DEFINITE
        node = self.index.project.node(ref)
        if node[0] == "attr":
            base = (ref[0], node[1])
            for cls in (*self.index.classes_of(base), *self.index.type_objects(base)):
                found = self.index.classes.lookup(cls, node[2])
                if found and any(self._defined(each) for each in found[1]):
                    return Grade.DEFINITE
        return None

    def _defined(self, ref: Ref) -> bool:
        return any(
            entity[0] == "node" and (entity[1], entity[2]) in self.vocabulary.definitions
            for entity in self.index.names.resolve(ref)
        )

    def _maybe(self, ref: Ref) -> bool:
        """A cheap test before `enumeration`: does the expression go by a name of the enum?"""
        name = self.index.project.last_name(ref)
        if name == "cls":
            around = self.index.project.enclosing(self.index.project.owner(ref))
            return any(scope in self.vocabulary.classes for scope in around)
        node = self.index.project.node(ref)
        if node[0] == "attr" and name == "__class__":
            return self.scene.shapes.declared((ref[0], node[1])) is not None
        if node[0] == "call" and name == "type" and len(node[2]) == 1:
            return self.scene.shapes.declared((ref[0], node[2][0])) is not None
        if name is None:
            return self.scene.mentions.enum(self.index.project.modules[ref[0]].facts, ref[1])
        return name in self.vocabulary.aliases

    def names(self, module: str, number: int) -> bool:
        """Whether an expression goes by a name of the enumeration and is it."""
        return self._maybe((module, number)) and self.enumeration((module, number)) is not None

    # Attribute access

    def _attribute(self, ref: Ref, node: Node) -> Iterator[Violation]:
        name, base = str(node[2]), (ref[0], node[1])
        if name in self.vocabulary.names:
            self.sites += self._maybe(base)
            return
        if name in self.suspects:
            grade = self.enumeration(base)
            if grade is None:
                grade = self._through_member(base, name)
        elif self._reads_like_a_word(name) and self.index.project.last_name(base) in self.vocabulary.aliases:
            grade = self.enumeration(base)
        else:
            return
        if grade is None:
            return
        self.sites += 1
        grade = min(grade, self._is_no_member(name))
        if grade > Grade.UNRESOLVED:
            yield self._used(ref, name, grade, f"{self.vocabulary.shown}.{name} is used")

    def _reads_like_a_word(self, name: str) -> bool:
        if name.startswith("_") or name in _COMMON:
            return False
        words = self.vocabulary.names | self.vocabulary.forbidden
        return name == name.upper() or name.upper() in words or any(word != word.upper() for word in words)

    def _through_member(self, base: Ref, name: str) -> Grade | None:
        """`record.state.WORD`: members give access to members."""
        grades = [grade for cls, (grade, _) in self.index.classes_of(base).items() if cls in self.vocabulary.classes]
        return max(grades) if grades and (name in self.vocabulary.members or self._shouts(name)) else None

    def _shouts(self, name: str) -> bool:
        return name == name.upper()

    def _is_no_member(self, name: str) -> Grade:
        """UNRESOLVED if the name is a method or another attribute of the enumeration; POSSIBLE if it may be one."""
        if name in self.vocabulary.members:
            return Grade.DEFINITE
        for cls in self.vocabulary.classes:
            found = self.index.classes.lookup(cls, name)
            if found is not None and name not in members.of_class(self.index, found[0]):
                return Grade.UNRESOLVED
        for store in self.index.project.attr_stores(name):
            holder = self.index.project.node(store)[1]
            if name not in self.vocabulary.forbidden and self.enumeration((store[0], holder)) is not None:
                return Grade.UNRESOLVED
        if name not in self.vocabulary.forbidden and any(self._is_open(cls) for cls in self.vocabulary.classes):
            return Grade.POSSIBLE
        return Grade.DEFINITE

    def _is_open(self, cls: ClassId) -> bool:
        """Attributes may come from a metaclass or a base that is not known."""
        scopes = [self.index.project.scope(each) for each in self.index.mro(cls)]
        custom = any(keyword == "metaclass" for scope in scopes for keyword, _ in scope.keywords)
        return custom or "?" in self.index.external_bases(cls)

    # Lookups

    def _subscript(self, ref: Ref, node: Node) -> Iterator[Violation]:
        base = (ref[0], node[1])
        form = self._table(base)
        if form is None and self._maybe(base) and self.enumeration(base) is not None:
            form = Form.NAME
        if form is not None:
            self.sites += 1
            yield from self._looked_up(ref, (ref[0], node[2]), form)

    def _table(self, ref: Ref) -> Form | None:
        """`Enum.__members__`, `vars(Enum)` and their likes, or a name for one: what their keys are."""
        node = self.index.project.node(ref)
        if node[0] == "local" and node[2] >= 0:
            ref = (ref[0], node[2])
        elif node[0] == "free":
            found = self.index.names.binding((ref[0], node[2]), node[1]) or []
            ref = found[0] if len(found) == 1 else ref
        node = self.index.project.node(ref)
        if node[0] == "call" and len(node[2]) == 1 and self.index.project.last_name((ref[0], node[1])) == "vars":
            return Form.NAME if self.names(ref[0], node[2][0]) else None
        if node[0] == "attr" and node[2] in _TABLES and self.names(ref[0], node[1]):
            return _TABLES[node[2]]
        return None

    def _call(self, ref: Ref, node: Node) -> Iterator[Violation]:
        callee = (ref[0], node[1])
        called = self.index.project.last_name(callee)
        if not node[2] or not (called in _ASKING or self._maybe(callee)):
            return
        given = [each.ref for each in arguments.positional(self.index, ref)]
        for looked, form, attributes in self._asked(ref, node, given) if given else ():
            self.sites += 1
            tolerant = called == "get" and len(given) > 1
            yield from self._looked_up(ref, looked, form, attributes, tolerant)

    def _asked(self, ref: Ref, node: Node, given: list[Ref]) -> Iterator[tuple[Ref, Form, bool]]:
        """(word, name or value, whether other attributes would do) for every call that looks a member up."""
        callee_ref = (ref[0], node[1])
        callee = self.index.project.node(callee_ref)
        name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else ""
        if len(given) == 1 and not node[3] and self._maybe(callee_ref) and self.enumeration(callee_ref) is not None:
            yield given[0], Form.VALUE, False
        elif callee[0] == "attr" and name in ("get", *_BY_NAME):
            base = (ref[0], callee[1])
            form = self._table(base)
            if form is not None:
                yield given[0], form, False
            elif name in _BY_NAME and self.names(*base):
                yield given[0], Form.NAME, False
        elif name == "getattr" and len(given) > 1 and self._reads_attribute(ref, given[0], given[1]):
            yield given[1], Form.NAME, True
        elif name == "map" and len(given) == 2 and self.names(*given[0]):
            for each in self.scene.occurrences.elements(given[1]):
                if len(each) == 2 and isinstance(each[1], int):
                    yield (str(each[0]), each[1]), Form.VALUE, False
        elif callee[0] == "call" and self.index.project.last_name((ref[0], callee[1])) == "attrgetter":
            names = callee[2] if self.names(*given[0]) else ()
            yield from (((ref[0], number), Form.NAME, True) for number in names)

    def _reads_attribute(self, ref: Ref, base: Ref, name: Ref) -> bool:
        """Whether it is the builtin and the enumeration; an unlikely base is asked only for a suspect name."""
        node = self.index.project.node(name)
        if not self._maybe(base) and not (node[0] == "const" and node[2] in self.suspects):
            return False
        return "builtins.getattr" in self.index.externals(ref) and self.enumeration(base) is not None

    def _looked_up(
        self, lookup: Ref, ref: Ref, form: Form, attributes: bool = False, tolerant: bool = False
    ) -> Iterator[Violation]:
        """attributes: other attributes of the enumeration would do; tolerant: a word that is not found does no harm."""
        for word in self.scene.occurrences.words(ref):
            if word.kind == "enum" or self.vocabulary.valid_string(word.text, form):
                continue
            if attributes and (word.text in _COMMON or self._is_no_member(word.text) is Grade.UNRESOLVED):
                continue
            # A word from elsewhere may be what the fallback is there for; one written right here is wrong.
            handled = tolerant or self.scene.regions.caught(lookup)
            lenient = form is Form.VALUE and self._lenient()
            from_elsewhere = next(self.scene.occurrences.literals(ref, word.text), None) is None
            cap = Grade.POSSIBLE if lenient or (handled and from_elsewhere) else Grade.DEFINITE
            yield self._word(word, form, min(word.grade, cap))

    def _lenient(self) -> bool:
        """`_missing_` may accept more values than the members have."""
        return any(self.index.classes.lookup(cls, "_missing_") is not None for cls in self.vocabulary.classes)

    def _word(self, word: Occurrence, form: Form, grade: Grade) -> Violation:
        how = "by name" if form is Form.NAME else "by value"
        text = f"{word.shown} is looked up in {self.vocabulary.shown} {how} in {self.scene.where(word.place)}"
        message = f"{text}: {self.vocabulary.verdict(word.text)}"
        return Violation("lookup", message, grade, word.place, chain=word.chain, subject=word.text)

    def _used(self, ref: Ref, name: str, grade: Grade, text: str) -> Violation:
        node = self.index.project.node(ref)
        base = (ref[0], node[1])
        chain = next(
            (
                self.index.chain(base, value)
                for found in (self.index.type_objects(base), self.index.classes_of(base))
                for cls, (_, value) in found.items()
                if cls in self.vocabulary.classes
            ),
            (),
        )
        why = "a forbidden word" if name in self.vocabulary.forbidden else "no word of the vocabulary"
        return Violation("member", f"{text} in {self.scene.where(ref)}: {why}", grade, ref, chain=chain, subject=name)
