"""Entries: what is known of dictionaries on a failure path, so that `"error" in body` is a test that tells.

("truthy", "entries", ((key, what is known of the value), ...), "soft")
"""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import Index
from governance.paths.abstract import NOTHING, constant
from governance.paths.outcomes import Abstract

ENTRIES: Final = "entries"
_MOST: Final = 6


def displayed(index: Index, ref: Ref) -> Abstract | None:
    """What is known of a display of a few constant keys; None for everything else."""
    node = index.project.node(ref)
    if node[0] != "dict" or not 0 < len(node[1]) <= _MOST:
        return None
    entries: list[tuple[str, Abstract | None]] = []
    for key, value in node[1]:
        word = index.project.node((ref[0], key)) if key >= 0 else ["", "", None]
        if word[:2] != ["const", "str"] or word[2] is None:
            return None
        entries.append((word[2], _outline(index.project.node((ref[0], value)))))
    return ("truthy", ENTRIES, tuple(sorted(entries, key=lambda each: each[0])), "soft")


def _outline(node: Node) -> Abstract | None:
    if node[0] in ("dict", "list", "tuple", "set"):
        return ("truthy",) if node[1] else ("falsy",)
    return constant(node)


def entry(known: Abstract | None, key: str) -> Abstract | None:
    """What is known of `body.get(key)`."""
    if known is None or known[1:2] != (ENTRIES,):
        return None
    entries: dict[str, Abstract | None] = dict(known[2])
    return entries.get(key, NOTHING)


def has(known: Abstract | None, key: str) -> bool | None:
    """Whether `key in body`; None if that is not known."""
    return key in dict(known[2]) if known is not None and known[1:2] == (ENTRIES,) else None
