"""Stores: words put into attributes and containers that are declared to hold them, by assignment or by call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from governance.contract import Ref
from governance.contracts.vocabulary import arguments
from governance.contracts.vocabulary.annotations import Shape
from governance.contracts.vocabulary.arguments import Given
from governance.contracts.vocabulary.callers import Receiver
from governance.contracts.vocabulary.sites import Scene, Site
from governance.facts import Node
from governance.findings import Grade

_SETTERS = frozenset(("builtins.setattr", "builtins.object.__setattr__"))
_ADDERS = {"append": 0, "add": 0, "appendleft": 0, "insert": 1, "put": 0, "put_nowait": 0, "discard": 0, "remove": 0}
_EXTENDERS = frozenset(("extend", "update", "extendleft", "union"))
_CALLED = frozenset(("setattr", "__setattr__", *_ADDERS, *_EXTENDERS))


def sites(scene: Scene) -> Iterator[Site]:
    """Every store into a governed position of the project."""
    stores = _Stores(scene)
    for name, module in scene.index.project.modules.items():
        facts = module.facts
        for number, node in enumerate(facts.nodes):
            ref = (name, number)
            if node[0] == "store_attr":
                yield from stores.attribute((name, node[1]), node[2], Given((name, node[3]), (name, node[3])))
            elif node[0] == "store_item":
                yield from stores.item(ref, node)
            elif node[0] == "call":
                yield from stores.call(ref, node)


class _Stores:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.index = scene.index

    def attribute(self, base: Ref, name: str, value: Given) -> Iterator[Site]:
        """`base.name = value`."""
        if name not in self.scene.mentions.attributes:
            return
        place = None if value.ref == value.place else value.place
        found = self.governed(base, name)
        if found is not None:
            shape, receiver = found
            yield Site(value.ref, shape, "store", "is stored in", place, receiver)
        elif (shape_unknown := self.scene.unknown(base, name)) is not None:
            yield Site(value.ref, shape_unknown, "store", "is stored in", place, unknown=True)

    def governed(self, base: Ref, name: str) -> tuple[Shape, Receiver] | None:
        """What an attribute of an expression is declared to hold, and on objects of which classes."""
        owners = self.index.classes_of(base) | self.index.type_objects(base)
        found = {
            cls: shape.named(shape.text, grade)
            for cls, (grade, _) in owners.items()
            if (shape := self.scene.shapes.attribute(cls, name)) is not None
        }
        if not found:
            shape = self.scene.shapes.of_module(base, name)
            return (shape, Receiver(base, frozenset())) if shape is not None else None
        return max(found.values(), key=lambda shape: shape.grade), Receiver(base, frozenset(found))

    def item(self, ref: Ref, node: Node) -> Iterator[Site]:
        """`base[index] = value` on a declared container, a TypedDict, `vars(obj)` and `obj.__dict__`."""
        base, index, value = (ref[0], node[1]), (ref[0], node[2]), (ref[0], node[3])
        holder = self._namespace(base)
        if holder is not None:
            for name in arguments.strings(self.index, index):
                yield from self.attribute(holder, name, Given(value, value))
            return
        shape = self._container(base)
        if shape is None:
            return
        if shape.kind == "record" and shape.cls is not None:
            for name in arguments.strings(self.index, index):
                field = self.scene.shapes.attribute(shape.cls, name)
                if field is not None:
                    yield Site(value, field, "store", "is stored in")
        elif shape.kind == "map":
            for part, given in zip(shape.parts, (index, value), strict=True):
                if part is not None:
                    yield Site(given, part.named(shape.text), "store", "is stored in")
        elif shape.kind == "seq" and shape.parts[0] is not None:
            yield Site(value, shape.parts[0].named(shape.text), "store", "is stored in")

    def _container(self, base: Ref) -> Shape | None:
        """The shape of a container, looked up only if something about it can have been declared."""
        if self.index.project.node(base)[0] in ("call", "const"):
            return None
        shape = self.scene.shapes.declared(base)
        return shape if shape is not None and shape.kind != "word" else None

    def _namespace(self, base: Ref) -> Ref | None:
        node = self.index.project.node(base)
        if node[0] == "attr" and node[2] == "__dict__":
            return (base[0], node[1])
        if node[0] == "call" and len(node[2]) == 1 and "builtins.vars" in self.index.externals(base):
            return (base[0], node[2][0])
        return None

    def _set(self, base: Ref, name: Given, value: Given) -> Iterator[Site]:
        """`setattr(base, name, value)`, also in `for name, value in options.items()`."""
        source = self._paired(name.ref, value.ref)
        if source is not None:
            yield from self._update(base, source)
            return
        names = arguments.strings(self.index, name.ref)
        for attribute in names:
            for site in self.attribute(base, attribute, value):
                # Of several names and values, which go together is not known.
                vague = len(names) > 1 and self.index.project.node(value.ref)[0] != "const"
                yield replace(site, shape=site.shape.named(site.shape.text, Grade.POSSIBLE)) if vague else site

    def _paired(self, name: Ref, value: Ref) -> Ref | None:
        """The mapping whose items a name and a value are."""
        callers = self.scene.occurrences.callers
        first, second = self.index.project.node(callers.root(name)), self.index.project.node(callers.root(value))
        if first[0] != "unpack" or second[0] != "unpack" or first[1] != second[1] or (first[2], second[2]) != (0, 1):
            return None
        item = self.index.project.node((name[0], first[1]))
        call = self.index.project.node((name[0], item[1])) if item[0] == "item" else item
        callee = self.index.project.node((name[0], call[1])) if call[0] == "call" else call
        return (name[0], callee[1]) if callee[0] == "attr" and callee[2] == "items" else None

    def _update(self, base: Ref, mapping: Ref) -> Iterator[Site]:
        """All entries of a mapping become attributes of base."""
        for name in self.scene.mentions.attributes:
            found = self.governed(base, name)
            if found is not None:
                for entry, value in self.scene.occurrences.callers.entries(mapping, found[1]):
                    if entry == name:
                        yield from self.attribute(base, name, value)

    def call(self, ref: Ref, node: Node) -> Iterator[Site]:
        """`setattr(x, "a", v)`, `x.__setattr__("a", v)`, `vars(x).update(a=v)` and adding to declared containers."""
        callee = self.index.project.node((ref[0], node[1]))
        name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else ""
        if name not in _CALLED:
            return
        given = list(arguments.positional(self.index, ref))
        if len(given) == 3 and name in ("setattr", "__setattr__") and self.index.externals(ref) & _SETTERS:
            yield from self._set(given[0].ref, given[1], given[2])
        if callee[0] != "attr":
            return
        base = (ref[0], callee[1])
        if name == "__setattr__" and len(given) == 2:
            yield from self._set(base, given[0], given[1])
        elif name == "update" and (holder := self._namespace(base)) is not None:
            for attribute, value in arguments.keywords(self.index, ref):
                yield from self.attribute(holder, attribute, value)
            for each in given:
                yield from self._update(holder, each.ref)
        elif name in _ADDERS and len(given) == _ADDERS[name] + 1:
            shape = self._container(base)
            if shape is not None and shape.kind == "seq" and shape.parts[0] is not None:
                yield Site(given[-1].ref, shape.parts[0].named(shape.text), "store", "is added to")
        elif name in _EXTENDERS and len(given) == 1:
            shape = self._container(base)
            if shape is not None:
                yield Site(given[0].ref, shape, "store", "is added to")
