"""A whole module: guard, parse, walk, and what can be said only at its end."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import libcst as cst

from governance.extract import guard
from governance.extract.definitions import close
from governance.extract.error import ExtractError
from governance.extract.exports import literal_exports
from governance.extract.expressions import EXPRESSIONS
from governance.extract.statements import STATEMENTS
from governance.extract.walk import Walk
from governance.facts import ModuleFacts

Walk.expressions = EXPRESSIONS
Walk.statements = STATEMENTS
_RECURSION = 30_000
"""Python frames a walk may need: the guard bounds the depth of the source; frames of Python code cost no C stack."""


def extract(source: bytes) -> ModuleFacts:
    """The facts of a file; see `governance.extract.extract`."""
    text = guard.read(source)
    collecting = gc.isenabled()
    gc.disable()  # a collection in the middle of a million young, live objects finds nothing and costs as much again
    try:
        return walk_module(Walk(":=" in text), guard.parse(text))
    finally:
        if collecting:
            gc.enable()


def walk_module(walk: Walk, module: cst.Module) -> ModuleFacts:
    """Run `walk` over a module."""
    with deep_recursion():
        walk.scope.names.block(module)
        walk.scope.names.finish()
        walk.block(module)
        close(walk)
    walk.scope.exports = literal_exports(walk)
    return ModuleFacts(walk.nodes, walk.owner, [scope.finish() for scope in walk.scopes])


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for recursion over deep code; beyond it ExtractError("too-deep")."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(max(limit, _RECURSION))
    try:
        yield
    except RecursionError:
        raise ExtractError("too-deep", "the code is nested deeper than the analysis can follow") from None
    finally:
        sys.setrecursionlimit(limit)
