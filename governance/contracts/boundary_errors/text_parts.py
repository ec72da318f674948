"""Text parts: which operands an expression takes its text from."""

from __future__ import annotations

from typing import Final

from governance.facts import Node
from governance.index import Index

SAID: Final = frozenset(("fstring", "dict", "comp", "tuple", "list", "set"))
"""Expressions in which an exception comes out as text, or will."""

_WHOLE: Final = frozenset(("fstring", "tuple", "list", "set", "phi", "and", "or"))
_ONE: Final = frozenset(("narrow", "await", "star", "item", "sub", "unpack"))


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
