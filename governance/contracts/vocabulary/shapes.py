"""Shapes: where in an attribute, parameter, result or expression words of the vocabulary are expected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.contracts.vocabulary.annotations import WORD, Annotations, Shape
from governance.contracts.vocabulary.mentions import Mentions
from governance.contracts.vocabulary.words import Form, Vocabulary
from governance.facts import Node
from governance.findings import Grade
from governance.index import Index
from governance.index.values import ClassId, FunctionId

_SHOWING: Final = {"value": Form.VALUE, "_value_": Form.VALUE, "name": Form.NAME, "_name_": Form.NAME}
_FOLDS: Final = frozenset(("lower", "upper", "casefold", "title", "capitalize"))
_KEEPING: Final = frozenset(("strip", "lstrip", "rstrip", "copy", "__str__"))
_GATHERING: Final = frozenset(("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"))
_PLAIN: Final = _GATHERING | {"str", "format", "getattr"}


class Shapes:
    """Answers for one vocabulary over one project, remembered."""

    def __init__(self, index: Index, vocabulary: Vocabulary, mentions: Mentions) -> None:
        self.index = index
        self.vocabulary = vocabulary
        self.mentions = mentions
        self.annotations = Annotations(index, vocabulary)
        self._guessing = True
        self._attributes: dict[tuple[ClassId, str], Shape | None] = {}
        self._parameters: dict[tuple[FunctionId, int], Shape | None] = {}

    # Declarations

    def attribute(self, cls: ClassId, name: str) -> Shape | None:
        """What an attribute of instances of a class is declared to hold."""
        key = (cls, name)
        if key not in self._attributes:
            self._attributes[key] = None
            found = self._attribute(cls, name)
            self._attributes[key] = found and found.named(f"{self.index.project.scope(cls).name}.{name}")
        return self._attributes[key]

    def _attribute(self, cls: ClassId, name: str) -> Shape | None:
        if cls in self.vocabulary.attributes.get(name, ()):
            return WORD
        if cls in self.vocabulary.classes:
            return None
        index = self.index
        written = index.classes.annotation(cls, name)
        if written is not None:
            return self.annotations.read(written[1])
        for each in index.mro(cls):
            for store in index.project.attr_stores(name):
                node = index.project.node(store)
                if node[0] == "store_attr" and index.project.owning_class(index.project.owner(store)) == each:
                    return self._stored(store, node)
            found = index.project.scope(each).bindings.get(name, [])
            for number in found:
                node = index.project.node((each[0], number))
                if node[0] == "function":
                    function = (each[0], node[1])
                    return self.annotations.read((each[0], index.project.scope(function).returns))
                return self._assigned((each[0], number))
        return None

    def _stored(self, store: Ref, node: Node) -> Shape | None:
        """A type checker takes the first assignment through `self` for the declaration; so do we."""
        value = self.index.project.node((store[0], node[3]))
        if value[0] == "annotated":
            return self.annotations.read((store[0], value[1]))
        return self._assigned((store[0], node[3]))

    def _assigned(self, ref: Ref) -> Shape | None:
        node = self.index.project.node(ref)
        if node[0] == "local" and node[2] >= 0:
            ref, node = (ref[0], node[2]), self.index.project.node((ref[0], node[2]))
        if node[0] == "param":
            return self.parameter((ref[0], node[1]), node[2])
        return self._by_values(ref)

    def of_module(self, base: Ref, name: str) -> Shape | None:
        """What an attribute of a module is annotated to hold."""
        for value in self.index.values(base):
            if value[0] == "mod" and value[1] in self.index.project.modules:
                written = self.index.project.modules[value[1]].facts.scopes[0].annotations.get(name, -1)
                shape = self.annotations.read((value[1], written))
                if shape is not None:
                    return shape.named(f"{value[1]}.{name}")
        return None

    def parameter(self, function: FunctionId, position: int) -> Shape | None:
        """What a parameter is declared to take."""
        key = (function, position)
        if key not in self._parameters:
            self._parameters[key] = self._parameter(function, position)
        return self._parameters[key]

    def _parameter(self, function: FunctionId, position: int) -> Shape | None:
        scope = self.index.project.scope(function)
        if position >= len(scope.params):
            return None
        param = scope.params[position]
        text = f"parameter {param.name} of {self.index.project.qualname(function) or 'a lambda'}"
        if position in self.vocabulary.parameters.get(function, ()):
            return WORD.named(text)
        shape = self.annotations.read((function[0], param.annotation))
        if shape is not None and param.kind == "vararg":
            shape = Shape("seq", (shape,))
        elif shape is not None and param.kind == "kwarg":
            shape = Shape("map", (None, shape))
        return shape and shape.named(text)

    def result(self, function: FunctionId) -> Shape | None:
        """What a function is declared to return."""
        scope = self.index.project.scope(function)
        shape = self.annotations.read((function[0], scope.returns))
        return shape and shape.named(f"the result of {self.index.project.qualname(function)}")

    # Expressions

    def expression(self, ref: Ref, depth: int = 12) -> Shape | None:
        """What an expression holds, by what its parts are declared to be, else by the values it may have."""
        if depth == 0 or ref[1] < 0:
            return None
        node = self.index.project.node(ref)
        reader = _READERS.get(node[0])
        found = reader(self, ref, node, depth - 1) if reader else None
        return found or (self._by_values(ref) if node[0] != "const" and self._guessing else None)

    def declared(self, ref: Ref) -> Shape | None:
        """What an expression holds by declarations alone: cheap, for places where nothing else would be judged."""
        before, self._guessing = self._guessing, False
        try:
            return self.expression(ref)
        finally:
            self._guessing = before

    def _by_values(self, ref: Ref) -> Shape | None:
        """A word if every value known is of the enum (None and strings that were put there aside)."""
        grade: Grade | None = None
        for value, evidence in self.index.values(ref).items():
            if value[0] in ("inst", "self", "enum") and value[1] in self.vocabulary.classes:
                grade = max(grade or Grade.UNRESOLVED, Grade(evidence.grade))
            elif value[0] != "const":
                return None
        return WORD.named(self.index.project.text(ref), grade) if grade is not None else None

    def _through(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self.expression((ref[0], node[1]), depth)

    def _local(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self.expression((ref[0], node[2]), depth)

    def _free(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        found = self.index.names.binding((ref[0], node[2]), str(node[1])) or []
        return self._join(found, depth)

    def _join(self, refs: list[Ref], depth: int) -> Shape | None:
        found: Shape | None = None
        for ref in refs:
            if self.index.project.node(ref)[:2] == ["const", "none"]:
                continue
            shape = self.expression(ref, min(depth, 4))
            if shape is None:
                return None
            found = found or shape
        return found

    def _phi(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self._join([(ref[0], each) for each in node[1]], depth)

    def _ifexp(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self._join([(ref[0], node[2]), (ref[0], node[3])], depth)

    def _param(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self.parameter((ref[0], node[1]), node[2])

    def _annotated(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self.annotations.read((ref[0], node[1])) or self.expression((ref[0], node[2]), depth)

    def load(self, base: Ref, name: str, depth: int) -> Shape | None:
        """`base.name`."""
        if name in _SHOWING:
            shown = self.expression(base, depth)
            if shown is not None and shown.kind == "word":
                return replace(shown, form=_SHOWING[name])
        if name not in self.mentions.attributes:
            return None
        owners = self.index.classes_of(base) | self.index.type_objects(base)
        for cls, (grade, _) in owners.items():
            shape = self.attribute(cls, name)
            if shape is not None:
                return shape.named(shape.text, grade)
        return self.of_module(base, name)

    def governs(self, ref: Ref) -> bool:
        """Whether a parameter, attribute or result is declared to hold words (whatever values it may have)."""
        node = self.index.project.node(ref)
        if node[0] == "annotated":
            shape = self.annotations.read((ref[0], node[1]))
        elif node[0] == "local":
            scope = self.index.project.scope(self.index.project.owner(ref))
            shape = self.annotations.read((ref[0], scope.annotations.get(node[1], -1)))
        elif node[0] == "free":
            found = self.index.names.binding((ref[0], node[2]), str(node[1])) or []
            kinds = {self.index.project.node(each)[0] for each in found}
            return kinds == {"annotated"} and all(self.governs(each) for each in found)
        else:
            declared = node[0] in ("param", "attr") or (node[0] == "call" and not node[2])
            shape = _READERS[node[0]](self, ref, node, 6) if declared else None
        return shape is not None and shape.kind == "word"

    def _attr(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        return self.load((ref[0], node[1]), str(node[2]), depth)

    def _sub(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        base = self.expression((ref[0], node[1]), depth)
        if base is None:
            return None
        index = self.index.project.node((ref[0], node[2]))
        if base.kind == "record" and base.cls is not None and index[:2] == ["const", "str"]:
            return self.attribute(base.cls, index[2])
        if base.kind == "tuple" and index[:2] == ["const", "int"] and -len(base.parts) <= index[2] < len(base.parts):
            return base.parts[index[2]]
        if base.kind == "seq" and index[0] == "slice":
            return base
        return base.parts[-1] if base.kind in ("seq", "map") else None

    def _item(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        source = self.expression((ref[0], node[1]), depth)
        if source is None or source.kind in ("word", "record"):
            return None
        part = source.parts[0]
        return part and part.named(part.text or source.text, source.grade)

    def _unpack(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        source = self.expression((ref[0], node[1]), depth)
        if source is None or source.kind != "tuple" or not -len(source.parts) <= node[2] < len(source.parts):
            return None
        return source.parts[node[2]]

    def _call(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        callee = self.index.project.node((ref[0], node[1]))
        if callee[0] == "attr":
            shape = self._method((ref[0], callee[1]), callee[2], depth)
            if shape is not None:
                return shape
        arguments = node[2]
        name = callee[1] if callee[0] in ("free", "local") else ""
        if name in _PLAIN and arguments:
            return self._builtin(ref, name, arguments, depth)
        if self.index.project.last_name((ref[0], node[1])) in self.mentions.functions:
            for found in self.index.callees(ref):
                shape = self.result(found.function)
                if shape is not None:
                    return shape.named(shape.text, found.grade)
        return None

    def _comp(self, ref: Ref, node: Node, depth: int) -> Shape | None:
        item = self.index.project.node((ref[0], node[4]))
        if item[0] == "item" and self.index.type_objects((ref[0], item[1])).keys() & self.vocabulary.classes:
            return None  # the vocabulary itself: whether a word is one of it may be asked
        element = self.expression((ref[0], node[2]), depth)
        if node[1] != "dict":
            return Shape("seq", (element,), text=element.text, grade=element.grade) if element else None
        value = self.expression((ref[0], node[3]), depth)
        return Shape("map", (element, value)) if element or value else None

    def _builtin(self, ref: Ref, name: str, arguments: list[int], depth: int) -> Shape | None:
        if f"builtins.{name}" not in self.index.externals(ref):
            return None
        if name != "getattr":
            held = self.expression((ref[0], arguments[0]), depth)
            return held if held is None or (held.kind == "seq") == (name in _GATHERING) else None
        attribute = self.index.project.node((ref[0], arguments[1])) if len(arguments) > 1 else [""]
        return self.load((ref[0], arguments[0]), attribute[2], depth) if attribute[:2] == ["const", "str"] else None

    def _method(self, base: Ref, name: str, depth: int) -> Shape | None:
        if name not in _FOLDS | _KEEPING | {"get", "pop", "setdefault", "values", "keys", "items"}:
            return None
        held = self.expression(base, depth)
        if held is None:
            return None
        if name in _KEEPING:
            return held
        if name in _FOLDS:
            return replace(held, fold=name) if held.kind == "word" else None
        if held.kind == "map":
            key, value = held.parts
            by_name = {"values": Shape("seq", (value,)), "keys": Shape("seq", (key,))}
            if name in by_name:
                return by_name[name] if by_name[name].parts[0] else None
            return Shape("seq", (Shape("tuple", held.parts),)) if name == "items" else value
        return held.parts[0] if held.kind == "seq" and name == "pop" else None


_Reader: TypeAlias = "Callable[[Shapes, Ref, Node, int], Shape | None]"

_READERS: Final[dict[str, _Reader]] = {
    "local": Shapes._local,
    "narrow": Shapes._through,
    "await": Shapes._through,
    "free": Shapes._free,
    "phi": Shapes._phi,
    "or": Shapes._phi,
    "and": Shapes._phi,
    "ifexp": Shapes._ifexp,
    "param": Shapes._param,
    "annotated": Shapes._annotated,
    "attr": Shapes._attr,
    "sub": Shapes._sub,
    "item": Shapes._item,
    "unpack": Shapes._unpack,
    "call": Shapes._call,
    "comp": Shapes._comp,
}
