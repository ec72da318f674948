"""From source bytes to facts, and from fact node numbers back to places.

The only package that uses libcst, and it imports it inside these functions: a run that finds everything in the cache
never pays for it.
"""

from __future__ import annotations

from collections.abc import Collection

from governance.extract.error import ExtractError
from governance.facts import ModuleFacts
from governance.findings import Span

__all__ = ["ExtractError", "extract", "locate"]


def extract(source: bytes) -> ModuleFacts:
    """The facts of one file. Raises ExtractError (and nothing else) for a file that cannot be analysed."""
    from governance.extract import module

    return module.extract(source)


def locate(source: bytes, nodes: Collection[int]) -> dict[int, Span]:
    """Places of fact nodes of this very source; the meaning of the spans is in `governance.extract.places`.

    Raises ExtractError as `extract` does, KeyError for a number that the facts do not have.
    """
    from governance.extract import places

    return places.locate(source, nodes)


def locate_name(source: bytes, value: Span, name: str) -> Span:
    """Where the name stands that is bound to a value; the place of the value if it is not found before it."""
    from governance.extract import bound

    return bound.bound(source, value, name)
