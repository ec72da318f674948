"""Comparisons: words that something holding words of the vocabulary is compared with, by operator, `in` and `match`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from governance.contract import Ref
from governance.contracts.vocabulary.annotations import Shape
from governance.contracts.vocabulary.sites import Scene, Site
from governance.findings import Grade

_EQUALITY = frozenset(("==", "!=", "is", "is not"))
_MEMBERSHIP = frozenset(("in_", "not_in", "notin_", "isin"))
_EQUALS = frozenset(("__eq__", "__ne__", "is_", "is_not", "is_distinct_from", "eq", "ne"))
_VERB = "is compared with"


def sites(scene: Scene) -> Iterator[Site]:
    """Every operand that is compared with something governed."""
    for ref in scene.index.project.nodes("compare"):
        yield from _compared(scene, ref)
    for ref in scene.index.project.nodes("matches"):
        node = scene.index.project.node(ref)
        if not _names_words(scene, ref[0], node[2]):
            continue
        yield from _matched(scene, ref[0], scene.shapes.expression((ref[0], node[1])), node[2], (ref[0], node[1]))
    for ref in scene.index.project.all_calls:
        yield from _called(scene, ref)


def _compared(scene: Scene, ref: Ref) -> Iterator[Site]:
    _, operators, operands = scene.index.project.node(ref)
    for operator, left, right in zip(operators, operands, operands[1:], strict=False):
        one, other = (ref[0], left), (ref[0], right)
        if operator in _EQUALITY:
            yield from _equal(scene, one, other)
        elif operator in ("in", "not in"):
            shape = _governed(scene, one, other)
            if shape is not None and shape.kind == "word":
                yield _site(other, Shape("seq", (shape,), text=shape.text, grade=shape.grade))
            held = _governed(scene, other, one)
            if held is not None and held.kind in ("seq", "map") and held.parts[0] is not None:
                yield _site(one, held.parts[0].named(held.text, held.grade))


def _equal(scene: Scene, one: Ref, other: Ref) -> Iterator[Site]:
    first, second = scene.index.project.node(one), scene.index.project.node(other)
    if first[0] == second[0] == "tuple":
        for left, right in zip(first[1], second[1], strict=False):
            yield from _equal(scene, (one[0], left), (other[0], right))
        return
    for governed, compared in ((one, other), (other, one)):
        shape = _governed(scene, governed, compared)
        if shape is not None:
            yield _site(compared, shape)
            continue
        node = scene.index.project.node(governed)
        unknown = scene.unknown((governed[0], node[1]), node[2]) if node[0] == "attr" else None
        if unknown is not None:
            yield Site(compared, unknown, "comparison", _VERB, compared=True, unknown=True)


def _governed(scene: Scene, governed: Ref, compared: Ref) -> Shape | None:
    """The shape of one side. What an undeclared name may hold is asked only if a foreign word stands on the other."""
    if scene.index.project.node(governed)[0] in ("const", "tuple", "list", "set", "dict"):
        return None
    foreign = _foreign(scene, compared)
    if foreign is False:
        return None
    return scene.shapes.expression(governed) if foreign else scene.shapes.declared(governed)


def _foreign(scene: Scene, ref: Ref) -> bool | None:
    """Whether words outside the vocabulary are written in an expression; None if it is no literal."""
    node = scene.index.project.node(ref)
    if node[0] == "const":
        return node[1] == "str" and not scene.vocabulary.valid_string(node[2])
    if node[0] in ("tuple", "list", "set"):
        parts = [_foreign(scene, (ref[0], each)) for each in node[1]]
        return True if True in parts else None if None in parts else False
    return None


def _site(ref: Ref, shape: Shape) -> Site:
    return Site(ref, shape, "comparison", _VERB, compared=True)


def _names_words(scene: Scene, module: str, pattern: Any) -> bool:
    """Whether a pattern has a value in it that may be a word outside the vocabulary."""
    if not isinstance(pattern, list):
        return False
    if len(pattern) == 2 and pattern[0] == "value":
        return _foreign(scene, (module, pattern[1])) is not False
    return any(_names_words(scene, module, each) for each in pattern)


def _matched(scene: Scene, module: str, shape: Shape | None, pattern: Any, subject: Ref | None) -> Iterator[Site]:
    if not pattern:
        return
    kind = pattern[0]
    if kind == "value" and shape is not None:
        yield _site((module, pattern[1]), shape)
    elif kind == "or":
        for sub in pattern[1]:
            yield from _matched(scene, module, shape, sub, subject)
    elif kind == "capture":
        yield from _matched(scene, module, shape, pattern[1], subject)
    elif kind == "class":
        yield from _matched_class(scene, module, pattern)
    elif kind == "sequence":
        parts = _parts(scene, shape, subject)
        for position, sub in enumerate(pattern[1]):
            if sub and sub[0] == "star":
                break
            part, inner = parts[position] if position < len(parts) else (None, None)
            yield from _matched(scene, module, part, sub, inner)
    elif kind == "mapping":
        for key, sub in pattern[1]:
            inner_shape = None
            if shape is not None and shape.kind == "map":
                inner_shape = shape.parts[1]
                if shape.parts[0] is not None:
                    yield _site((module, key), shape.parts[0].named(shape.text))
            elif shape is not None and shape.cls is not None:
                name = scene.index.project.node((module, key))
                inner_shape = scene.shapes.attribute(shape.cls, name[2]) if name[:2] == ["const", "str"] else None
            yield from _matched(scene, module, inner_shape, sub, None)


def _matched_class(scene: Scene, module: str, pattern: Any) -> Iterator[Site]:
    for cls in scene.index.type_objects((module, pattern[1])):
        fields = scene.index.classes.fields(cls)
        pairs = [*zip(fields, pattern[2], strict=False), *pattern[3]]
        for name, sub in pairs:
            yield from _matched(scene, module, scene.shapes.attribute(cls, name), sub, None)


def _parts(scene: Scene, shape: Shape | None, subject: Ref | None) -> list[tuple[Shape | None, Ref | None]]:
    if shape is not None and shape.kind == "tuple":
        return [(part, None) for part in shape.parts]
    if shape is not None and shape.kind == "seq":
        return [(shape.parts[0], None)] * 20
    if subject is not None:
        root = subject
        for _ in range(10):
            node = scene.index.project.node(root)
            if node[0] not in ("local", "narrow"):
                break
            root = (root[0], node[2] if node[0] == "local" else node[1])
        if node[0] == "tuple":
            return [(scene.shapes.expression((root[0], each)), (root[0], each)) for each in node[1]]
    return []


def _called(scene: Scene, ref: Ref) -> Iterator[Site]:
    """`column.in_([...])`, `state.__eq__("X")`, and `{"WORD": ...}.get(state)`."""
    node = scene.index.project.node(ref)
    callee = scene.index.project.node((ref[0], node[1]))
    if callee[0] != "attr" or not node[2]:
        return
    base, given = (ref[0], callee[1]), (ref[0], node[2][0])
    if callee[2] in _MEMBERSHIP or callee[2] in _EQUALS:
        shape = scene.shapes.expression(base)
        if shape is not None and shape.kind == "word":
            several = Shape("seq", (shape,), text=shape.text, grade=shape.grade)
            yield _site(given, several if callee[2] in _MEMBERSHIP else shape)
    elif callee[2] == "get" and scene.index.project.node(base)[0] == "dict":
        # An entry for a word that cannot occur does no harm: possible at most.
        shape = scene.shapes.expression(given)
        if shape is not None and shape.kind == "word":
            key = shape.named(shape.text, Grade.POSSIBLE)
            yield _site(base, Shape("map", (key, None), text=shape.text, grade=Grade.POSSIBLE))
