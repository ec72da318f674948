"""Types as written: annotations, strings that hold one, and the arguments of calls that are read as one."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract.walk import Walk

_MAX_LENGTH = 2000
_MAX_NESTING = 40
_TYPED: dict[str, frozenset[str]] = {
    "cast": frozenset({"0", "typ"}),
    "TypeVar": frozenset({*(str(position) for position in range(1, 30)), "bound", "default"}),
    "NewType": frozenset({"1", "tp"}),
}
"""Arguments of these typing functions that are types: by position or keyword."""


def typed_arguments(node: cst.Call) -> frozenset[str] | None:
    """Which arguments of this call are types, None for ordinary calls."""
    return _TYPED.get(last_name(node.func))


def last_name(node: Any) -> str:
    """`c` of `a.b.c`, the name itself of a plain name, else ""."""
    if type(node) is cst.Attribute:
        node = node.attr
    return str(node.value) if type(node) is cst.Name else ""


def annotation(walk: Walk, node: Any) -> int:
    """The node of a type: names look outward from here, strings are parsed, nothing of it runs."""
    saved = walk.in_type, walk.typed_strings, walk.steps, walk.env
    walk.in_type, walk.typed_strings, walk.steps = True, True, []
    number = walk.expr(node)
    walk.in_type, walk.typed_strings, walk.steps, walk.env = saved
    return number


def alias_value(walk: Walk, node: Any) -> int:
    """The value of `X: TypeAlias = ...`: it runs, but its strings are types."""
    walk.typed_strings = True
    number = walk.expr(node)
    walk.typed_strings = False
    return number


def string(walk: Walk, text: str) -> int:
    """A type written as a string; a plain string constant if it is not one."""
    stripped = text.strip()
    if len(text) > _MAX_LENGTH or sum(map(text.count, "([{")) > _MAX_NESTING or "lambda" in text:
        return walk.add(["const", "str", text])
    try:
        parsed = cst.parse_expression(f"({stripped})" if "\n" in stripped else stripped)
    except cst.ParserSyntaxError:
        return walk.add(["const", "str", text])
    return annotation(walk, parsed)
