"""Declared: values of names, class attributes and results whose annotation says that they hold words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.contracts.vocabulary import arguments
from governance.contracts.vocabulary.annotations import Shape
from governance.contracts.vocabulary.sites import Scene, Site
from governance.facts import ModuleFacts, Node
from governance.index import Index
from governance.index.project import ScopeId

_DEFAULTS: Final = frozenset(("default", "insert_default", "server_default", "missing"))
_DEFAULT_FIRST: Final = frozenset("Field ContextVar Query Path Header Cookie Body Form".split())
"""What is called with a default in front: fields of pydantic models, parameters of FastAPI's routes."""
_DEFINITIONS: Final = frozenset(("function", "class", "import", "import_as", "param", "item", "enter", "phi", "narrow"))
_NAME: Final = "a name declared to hold words"


def sites(scene: Scene) -> Iterator[Site]:
    """Every value that a declaration of the project governs."""
    declared = _Declared(scene)
    for name, module in scene.index.project.modules.items():
        facts = module.facts
        for number, node in enumerate(facts.nodes):
            if node[0] == "annotated":
                yield from declared.annotated((name, number), node, facts)
        for number, scope in enumerate(facts.scopes):
            if scope.kind == "class":
                yield from declared.class_body((name, number))
            else:
                yield from declared.assigned((name, number), facts)
            if scope.kind == "function" and scope.returns >= 0 and scene.mentions.enum(facts, scope.returns):
                yield from declared.results((name, number))


def defaulted(
    index: Index, value: Ref, shape: Shape, check: str = "store", verb: str = "is stored in"
) -> Iterator[Site]:
    """The value itself, or the default in `field(default=...)`, `Query("x")` and their likes."""
    node = index.project.node(value)
    given = list(_defaults(index, value, node)) if node[0] == "call" else []
    if not given and (node[0] != "call" or index.callees(value)):
        yield Site(value, shape, check, verb)
    for each in given:
        yield Site(each, shape, check, "is the default of")


def _defaults(index: Index, value: Ref, node: Node) -> Iterator[Ref]:
    for name, given in arguments.keywords(index, value):
        if name in _DEFAULTS:
            yield given.ref
        elif name == "default_factory":
            yield from _results(index, given.ref)
    if index.project.last_name((value[0], node[1])) in _DEFAULT_FIRST:
        yield from (each.ref for each in list(arguments.positional(index, value))[:1])


def _results(index: Index, ref: Ref) -> Iterator[Ref]:
    for value in index.values(ref):
        if value[0] == "fn":
            for number in index.project.scope(value[1]).results:
                yield (value[1][0], number)


class _Declared:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.index = scene.index

    def annotated(self, ref: Ref, node: Node, facts: ModuleFacts) -> Iterator[Site]:
        """`x: T = value`, in class bodies too."""
        if node[2] < 0 or not self.scene.mentions.enum(facts, node[1]):
            return
        shape = self.scene.shapes.annotations.read((ref[0], node[1]))
        if shape is not None:
            yield from defaulted(self.index, (ref[0], node[2]), shape.named(_NAME))

    def class_body(self, cls: ScopeId) -> Iterator[Site]:
        """Class attributes without an annotation of their own that names the vocabulary: listed or inherited ones."""
        scope = self.index.project.scope(cls)
        for name in self.scene.mentions.attributes.intersection(scope.bindings):
            shape = self.scene.shapes.attribute(cls, name)
            if shape is None:
                continue
            for number in scope.bindings[name]:
                node = self.index.project.node((cls[0], number))
                if node[0] == "annotated":
                    declared = self.scene.shapes.annotations.read((cls[0], node[1]))
                    if node[2] >= 0 and declared is None:
                        yield from defaulted(self.index, (cls[0], node[2]), shape)
                elif node[0] not in ("function", "class", "import", "import_as"):
                    yield from defaulted(self.index, (cls[0], number), shape)

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

    def assigned(self, scope: ScopeId, facts: ModuleFacts) -> Iterator[Site]:
        """`x: State` and later `x = value`, in functions and modules."""
        for name, number in facts.scopes[scope[1]].annotations.items():
            if not self.scene.mentions.enum(facts, number):
                continue
            shape = self.scene.shapes.annotations.read((scope[0], number))
            for value in facts.scopes[scope[1]].bindings.get(name, ()) if shape is not None else ():
                if shape is not None and value >= 0 and facts.nodes[value][0] not in (*_DEFINITIONS, "annotated"):
                    yield Site((scope[0], value), shape.named(_NAME), "store", "is stored in")
