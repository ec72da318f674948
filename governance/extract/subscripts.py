"""What stands between brackets after an expression."""

from __future__ import annotations

import libcst as cst

from governance.extract.type_expressions import last_name
from governance.extract.walk import Walk


def subscript(walk: Walk, node: cst.Subscript) -> int:
    """An item load. In annotations `Literal[...]` keeps its strings, `Annotated[...]` is code after the type."""
    base = walk.expr(node.value)
    index = subscript_index(walk, node)
    number = walk.add(["sub", base, index])
    walk.steps.append(["sub", number])
    return number


def subscript_index(walk: Walk, node: cst.Subscript) -> int:
    """The node of what stands between the brackets; several parts make a tuple."""
    typed_strings = walk.typed_strings
    special = last_name(node.value) if typed_strings else ""
    if special == "Literal":
        walk.typed_strings = False
    parts = []
    for element in node.slice:
        part = element.slice
        if isinstance(part, cst.Index):
            value = walk.expr(part.value)
            parts.append(walk.add(["star", value]) if part.star else value)
        elif isinstance(part, cst.Slice):
            bounds = [walk.expr(bound) for bound in (part.lower, part.upper, part.step) if bound is not None]
            parts.append(walk.add(["slice", bounds]))
        if special == "Annotated":
            walk.typed_strings = False
    walk.typed_strings = typed_strings
    only = node.slice[0]
    if len(parts) == 1 and not isinstance(only.comma, cst.Comma) and walk.nodes[parts[0]][0] != "star":
        return parts[0]
    return walk.add(["tuple", parts])
