"""Stores: words put into attributes, annotated names, results and containers that are declared to hold them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from governance.contract import Ref
from governance.contracts.vocabulary import arguments
from governance.contracts.vocabulary.occurrences import Receiver
from governance.contracts.vocabulary.shapes import Shape
from governance.contracts.vocabulary.sites import Scene, Site
from governance.facts import ModuleFacts, Node
from governance.findings import Grade
from governance.index.project import ScopeId

_SETTERS = frozenset(("builtins.setattr", "builtins.object.__setattr__"))
_ADDERS = {"append": 0, "add": 0, "appendleft": 0, "insert": 1, "put": 0, "put_nowait": 0, "discard": 0, "remove": 0}
_EXTENDERS = frozenset(("extend", "update", "extendleft", "union"))
_DEFAULTS = frozenset(("default", "insert_default", "server_default", "missing"))


def sites(scene: Scene) -> Iterator[Site]:
    """Every store into a governed position of the project."""
    stores = _Stores(scene)
    for name, module in scene.index.project.modules.items():
        facts = module.facts
        for number, node in enumerate(facts.nodes):
            ref = (name, number)
            if node[0] == "store_attr":
                yield from stores.attribute((name, node[1]), node[2], (name, node[3]))
            elif node[0] == "store_item":
                yield from stores.item(ref, node)
            elif node[0] == "annotated":
                yield from stores.annotated(ref, node, facts)
            elif node[0] == "call":
                yield from stores.call(ref, node)
        for number, scope in enumerate(facts.scopes):
            if scope.kind == "class":
                yield from stores.class_body((name, number))
            elif scope.kind == "function" and scope.returns >= 0 and scene.mentions(facts, scope.returns):
                yield from stores.results((name, number))


class _Stores:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.index = scene.index

    @cached_property
    def names(self) -> frozenset[str]:
        """Attribute names that some class declares to hold words, or that are listed."""
        found = set(self.scene.vocabulary.attributes)
        for module in self.index.project.modules.values():
            facts = module.facts
            for scope in facts.scopes:
                if scope.kind == "class":
                    found.update(name for name, number in scope.annotations.items() if self._names(facts, number))
                    for name, numbers in scope.bindings.items():
                        found.update(name for number in numbers if self._setter(facts, number))
            for node in facts.nodes:
                if node[0] == "store_attr" and self._declares(facts, node[3]):
                    found.add(node[2])
        return frozenset(found)

    def _names(self, facts: ModuleFacts, number: int) -> bool:
        return self.scene.mentions(facts, number)

    def _setter(self, facts: ModuleFacts, number: int) -> bool:
        node = facts.nodes[number]
        return node[0] == "function" and any(
            self._names(facts, each) for each in (facts.scopes[node[1]].returns,)
        )

    def _declares(self, facts: ModuleFacts, number: int) -> bool:
        node = facts.nodes[number]
        if node[0] == "annotated":
            return self._names(facts, node[1])
        if node[0] == "local" and node[2] >= 0 and facts.nodes[node[2]][0] == "param":
            _, scope, position = facts.nodes[node[2]]
            return self._names(facts, facts.scopes[scope].params[position].annotation)
        return self._names(facts, number)

    def attribute(self, base: Ref, name: str, value: Ref) -> Iterator[Site]:
        """`base.name = value`."""
        if name not in self.names:
            return
        owners = self.index.classes_of(base) | self.index.type_objects(base)
        governed = {
            cls: shape.named(shape.text, grade)
            for cls, (grade, _) in owners.items()
            if (shape := self.scene.shapes.attribute(cls, name)) is not None
        }
        if governed:
            best = max(governed.values(), key=lambda shape: shape.grade)
            receiver = Receiver(base, frozenset(governed))
            yield Site(value, best, "store", "is stored in", receiver=receiver)
        elif (shape := self.scene.unknown(base, name)) is not None:
            yield Site(value, shape, "store", "is stored in", unknown=True)

    def annotated(self, ref: Ref, node: Node, facts: ModuleFacts) -> Iterator[Site]:
        """`x: T = value`, in class bodies too."""
        if node[2] < 0 or not self.scene.mentions(facts, node[1]):
            return
        shape = self.scene.shapes.annotation((ref[0], node[1]))
        if shape is not None:
            yield from self._defaulted((ref[0], node[2]), shape.named("a name declared to hold words"))

    def _defaulted(self, value: Ref, shape: Shape) -> Iterator[Site]:
        """The value itself, or the default in `field(default=...)` and its likes."""
        node = self.index.project.node(value)
        if node[0] == "call" and not self.index.callees(value):
            for name, given in arguments.keywords(self.index, value):
                if name in _DEFAULTS:
                    yield Site(given.ref, shape, "store", "is the default of")
                elif name == "default_factory":
                    for result in self._results(given.ref):
                        yield Site(result, shape, "store", "is the default of")
            if self.index.project.last_name((value[0], node[1])) in ("Field", "ContextVar"):
                for given in list(arguments.positional(self.index, value))[:1]:
                    yield Site(given.ref, shape, "store", "is the default of")
            return
        yield Site(value, shape, "store", "is stored in")

    def _results(self, ref: Ref) -> Iterator[Ref]:
        for value in self.index.values(ref):
            if value[0] == "fn":
                for number in self.index.project.scope(value[1]).results:
                    yield (value[1][0], number)

    def class_body(self, cls: ScopeId) -> Iterator[Site]:
        """Class attributes without an annotation of their own that names the vocabulary: listed or inherited ones."""
        scope = self.index.project.scope(cls)
        for name in self.names.intersection(scope.bindings):
            shape = self.scene.shapes.attribute(cls, name)
            if shape is None:
                continue
            for number in scope.bindings[name]:
                node = self.index.project.node((cls[0], number))
                if node[0] == "annotated":
                    declared = self.scene.shapes.annotation((cls[0], node[1]))
                    if node[2] >= 0 and declared is None:
                        yield from self._defaulted((cls[0], node[2]), shape)
                elif node[0] not in ("function", "class", "import", "import_as"):
                    yield from self._defaulted((cls[0], number), shape)

    def results(self, function: ScopeId) -> Iterator[Site]:
        """`return` and `yield` in a function declared to give words."""
        scope = self.index.project.scope(function)
        shape = self.scene.shapes.result(function)
        if shape is None:
            return
        if not scope.is_generator:
            for number in scope.results:
                yield Site((function[0], number), shape, "result", "is")
        elif shape.kind == "seq" and shape.parts[0] is not None:
            for number in scope.yields:
                node = self.index.project.node((function[0], number))
                if node[0] == "yield" and node[1] >= 0:
                    yield Site((function[0], node[1]), shape.parts[0].named(shape.text), "result", "is yielded as")

    def item(self, ref: Ref, node: Node) -> Iterator[Site]:
        """`base[index] = value` on a declared container, a TypedDict, `vars(obj)` and `obj.__dict__`."""
        base, index, value = (ref[0], node[1]), (ref[0], node[2]), (ref[0], node[3])
        holder = self._namespace(base)
        if holder is not None:
            for name in arguments.strings(self.index, index):
                yield from self.attribute(holder, name, value)
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
        shape = self.scene.shapes.expression(base)
        return shape if shape is not None and shape.kind != "word" else None

    def _namespace(self, base: Ref) -> Ref | None:
        node = self.index.project.node(base)
        if node[0] == "attr" and node[2] == "__dict__":
            return (base[0], node[1])
        if node[0] == "call" and len(node[2]) == 1 and "builtins.vars" in self.index.externals(base):
            return (base[0], node[2][0])
        return None

    def _set(self, base: Ref, name: Ref, value: Ref) -> Iterator[Site]:
        """`setattr(base, name, value)`; of several names and values, which go together is not known."""
        names = arguments.strings(self.index, name)
        for attribute in names:
            for site in self.attribute(base, attribute, value):
                vague = len(names) > 1 and self.index.project.node(value)[0] != "const"
                yield replace(site, shape=site.shape.named(site.shape.text, Grade.POSSIBLE)) if vague else site

    def call(self, ref: Ref, node: Node) -> Iterator[Site]:
        """`setattr(x, "a", v)`, `x.__setattr__("a", v)`, `vars(x).update(a=v)` and adding to declared containers."""
        given = list(arguments.positional(self.index, ref))
        callee = self.index.project.node((ref[0], node[1]))
        name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else ""
        if len(given) == 3 and name in ("setattr", "__setattr__") and self.index.externals(ref) & _SETTERS:
            yield from self._set(given[0].ref, given[1].ref, given[2].ref)
        if callee[0] != "attr":
            return
        base = (ref[0], callee[1])
        if name == "__setattr__" and len(given) == 2:
            yield from self._set(base, given[0].ref, given[1].ref)
        elif name == "update" and (holder := self._namespace(base)) is not None:
            named = list(arguments.keywords(self.index, ref))
            for each in given:
                named.extend(arguments.entries(self.index, each.ref))
            for attribute, value in named:
                for site in self.attribute(holder, attribute, value.ref):
                    yield replace(site, place=value.place)
        elif name in _ADDERS and len(given) == _ADDERS[name] + 1:
            shape = self._container(base)
            if shape is not None and shape.kind == "seq" and shape.parts[0] is not None:
                yield Site(given[-1].ref, shape.parts[0].named(shape.text), "store", "is added to")
        elif name in _EXTENDERS and len(given) == 1:
            shape = self._container(base)
            if shape is not None:
                yield Site(given[0].ref, shape, "store", "is added to")
