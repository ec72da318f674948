"""Keeping: service functions that let no failure out, because everything they do stands in a `try` that catches all.

Of these some hand the failure on in what they return, `return {}, problem(error)`; what becomes of it the caller says.
"""

from __future__ import annotations

from typing import Final

from governance.contracts.boundary_errors.application import all_steps
from governance.facts import Block, Step
from governance.index import Index, graph, logs
from governance.index.values import FunctionId
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


def hands_failures_on(index: Index, function: FunctionId) -> bool:
    """Whether a function that keeps failures names them in what every one of its broad handlers returns."""
    broad = [
        block
        for step in index.project.scope(function).body
        if step[0] == "try"
        for types, _, block in step[3]
        if _BROAD & set(Exceptions(index).of_handler(function[0], types))
    ]
    return bool(broad) and all(_returns_the_failure(index, function[0], block) for block in broad)


def _returns_the_failure(index: Index, module: str, block: Block) -> bool:
    nodes = index.project.modules[module].facts.nodes
    returned = [step[2] for step in all_steps(block) if step[0] == "return" and step[2] >= 0]
    return any(nodes[each][0] == "exception" for each in graph.within(nodes, returned))


def _catches_all(index: Index, module: str, step: Step) -> bool:
    exceptions = Exceptions(index)
    broad = any(_BROAD & set(exceptions.of_handler(module, types)) for types, _, _ in step[3])
    return broad and all(_is_calm(index, module, block) for block in (*(each[2] for each in step[3]), step[4], step[5]))


def _is_calm(index: Index, module: str, block: Block) -> bool:
    return all(
        step[0] not in ("raise", "await", "yield", "assert") and (step[0] != "call" or _is_plain(index, module, step))
        for step in all_steps(block)
    )


def _is_plain(index: Index, module: str, step: Step) -> bool:
    """Logging, and what is called with the failure itself: `problem(error)`, `str(error)`, `type(error)`."""
    call = index.project.node((module, step[1]))
    given = [*call[2], *(value for _, value in call[3])]
    nodes = index.project.modules[module].facts.nodes
    return _is_logging(index, module, step) or any(nodes[each][0] == "exception" for each in graph.within(nodes, given))


def _is_logging(index: Index, module: str, step: Step) -> bool:
    if step[0] != "call":
        return False
    project = index.project
    callee = project.node((module, project.node((module, step[1]))[1]))
    return callee[0] == "attr" and logs.is_logging(project.last_name((module, callee[1])), callee[2])
