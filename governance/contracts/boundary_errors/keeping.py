"""Keeping: service functions that let no failure out, because everything they do stands in a `try` that catches all."""

from __future__ import annotations

from typing import Final

from governance.contracts.boundary_errors.application import all_steps
from governance.facts import Block, Step
from governance.index import Index
from governance.index.values import FunctionId
from governance.paths import assumptions
from governance.paths.exceptions import Exceptions

_QUIET: Final = frozenset(("bind", "attr", "return", "at", "define"))
"""Steps that may stand beside the `try`: they do not fail."""
_BROAD: Final = frozenset((("builtin", "Exception"), ("builtin", "BaseException")))


def keeps_failures(index: Index, function: FunctionId) -> bool:
    """Whether nothing that fails in a function leaves it."""
    scope = index.project.scope(function)
    if scope.is_generator or not any(step[0] == "try" for step in scope.body):
        return False
    return all(
        _catches_all(index, function[0], step)
        if step[0] == "try"
        else step[0] in _QUIET or _is_logging(index, function[0], step)
        for step in scope.body
    )


def _catches_all(index: Index, module: str, step: Step) -> bool:
    exceptions = Exceptions(index)
    broad = any(_BROAD & set(exceptions.of_handler(module, types)) for types, _, _ in step[3])
    return broad and all(_is_calm(index, module, block) for block in (*(each[2] for each in step[3]), step[4], step[5]))


def _is_calm(index: Index, module: str, block: Block) -> bool:
    return all(
        step[0] not in ("raise", "await", "yield", "assert") and (step[0] != "call" or _is_logging(index, module, step))
        for step in all_steps(block)
    )


def _is_logging(index: Index, module: str, step: Step) -> bool:
    if step[0] != "call":
        return False
    project = index.project
    callee = project.node((module, project.node((module, step[1]))[1]))
    return callee[0] == "attr" and assumptions.is_logging(project.last_name((module, callee[1])), callee[2])
