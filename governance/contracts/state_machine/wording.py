"""Wording: how messages name places and states."""

from __future__ import annotations

from governance.contract import Ref
from governance.index import Index


def where(index: Index, ref: Ref) -> str:
    """The function or module that a place stands in."""
    return index.project.qualname(index.project.owner(ref)) or f"module {ref[0]}"


def words(states: frozenset[str]) -> str:
    """`DONE or LOST`."""
    return " or ".join(sorted(states)) or "nothing"
