"""Text parts: which operands an expression takes its text from."""

from __future__ import annotations

from string import Formatter
from typing import Final

from governance.facts import Node
from governance.index import Index

SAID: Final = frozenset(("fstring", "dict", "comp", "tuple", "list", "set"))
"""Expressions in which an exception comes out as text, or will."""

_WHOLE: Final = frozenset(("fstring", "tuple", "list", "set", "phi", "and", "or"))
_ONE: Final = frozenset(("narrow", "await", "star", "item", "sub", "unpack"))


_CLEAN_ENDS: Final = (".__name__", ".__qualname__", ".__class__", ".__module__")


def formatted(index: Index, template: tuple[str, int], positional: int, names: list[str]) -> list[int]:
    """Which arguments of `"...".format(...)` come out as text, by position, keywords last; those of which a template
    that is known takes only the name of the class do not."""
    node = index.project.node(template)
    everything = list(range(positional + len(names)))
    if node[:2] != ["const", "str"] or node[2] is None:
        return everything
    found: set[int] = set()
    automatic = 0
    try:
        fields = [field for _, field, _, _ in Formatter().parse(str(node[2])) if field is not None]
    except ValueError:
        return everything
    for field in fields:
        name = field.partition(".")[0].partition("[")[0]
        if not name:
            name, automatic = str(automatic), automatic + 1
        if not field.endswith(_CLEAN_ENDS):
            found.add(int(name) if name.isdigit() else positional + names.index(name) if name in names else -1)
    return [each for each in everything if each in found]


def parts_of(index: Index, module: str, node: Node) -> list[int]:
    """The operands whose text an expression takes over."""
    op = node[0]
    if op in _WHOLE:
        return list(node[1])
    if op in _ONE:
        return [node[1]]
    if op == "dict":
        return [value for _, value in node[1]]
    if op == "binary":
        if node[1] != "%":
            return [node[2], node[3]]
        right = index.project.node((module, node[3]))
        return list(right[1]) if right[0] == "tuple" else [node[3]]
    if op in ("ifexp", "augmented", "comp"):
        return list(node[2:4])
    return [node[2]] if op == "annotated" else []
