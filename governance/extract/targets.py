"""What is stored to: assignment targets, loop and `with` targets, `del`."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract.bound_names import dotted
from governance.extract.subscripts import subscript_index
from governance.extract.walk import Walk, name_of


def store(walk: Walk, target: Any, value: int) -> None:
    """Store the value (or definition) `value` to any target."""
    kind = type(target)
    if kind is cst.Name:
        walk.bind(name_of(target), value)
    elif kind is cst.Attribute:
        store_attribute(walk, target, walk.expr(target.value), value)
    elif kind is cst.Subscript:
        base = walk.expr(target.value)
        store_item(walk, base, subscript_index(walk, target), value)
    else:
        for element, part in _unpacked(walk, target, value):
            store(walk, element, part)


def store_attribute(walk: Walk, target: cst.Attribute, base: int, value: int) -> None:
    """`base.name = value`, base evaluated."""
    walk.steps.append(["store", walk.add(["store_attr", base, name_of(target.attr), value])])
    path = dotted(target)
    if path:
        walk.stored(path)


def store_item(walk: Walk, base: int, index: int, value: int) -> None:
    """`base[index] = value`, both evaluated."""
    walk.steps.append(["store", walk.add(["store_item", base, index, value])])


def temporary(walk: Walk, target: Any, value: int, names: dict[str, int]) -> None:
    """Bind the target of a comprehension: names go into `names` and the environment, into nothing that stays."""
    if type(target) is cst.Name:
        name = name_of(target)
        walk.env[name] = names[name] = value
    elif type(target) in (cst.Attribute, cst.Subscript):
        store(walk, target, value)
    else:
        for element, part in _unpacked(walk, target, value):
            temporary(walk, element, part, names)


def _unpacked(walk: Walk, target: Any, source: int) -> list[tuple[Any, int]]:
    """The elements of a tuple or list target, each with the node of what it gets."""
    # A bare `*x = ...` parses, though no interpreter compiles it; it means `[*x] = ...` if anything.
    elements = [target] if type(target) is cst.StarredElement else list(target.elements)
    starred = next((i for i, element in enumerate(elements) if type(element) is cst.StarredElement), len(elements))
    found = []
    for position, element in enumerate(elements):
        index = position if position <= starred else position - len(elements)
        walk.place = element.value
        found.append((element.value, walk.add(["unpack", source, index, position == starred])))
    return found


def delete(walk: Walk, target: Any) -> None:
    """`del target`."""
    kind = type(target)
    if kind is cst.Name:
        walk.unbind(name_of(target))
    elif kind is cst.Attribute:
        base = walk.expr(target.value)
        walk.steps.append(["store", walk.add(["delete_attr", base, name_of(target.attr)])])
        path = dotted(target)
        if path:
            walk.stored(path)
    elif kind is cst.Subscript:
        base = walk.expr(target.value)
        walk.steps.append(["store", walk.add(["delete_item", base, subscript_index(walk, target)])])
    else:
        for element in target.elements:
            delete(walk, element.value)
