"""Imports that only a type checker sees."""

from __future__ import annotations

from collections.abc import Iterator

from governance.facts import Block
from governance.index import Index
from governance.paths.tracked import blocks


def type_only(index: Index, module: str) -> frozenset[int]:
    """The import nodes of a module that stand under `if TYPE_CHECKING`."""
    facts = index.project.modules[module].facts
    return frozenset(node for scope in facts.scopes for node in _imports(index, module, scope.body, False))


def _imports(index: Index, module: str, block: Block, inside: bool) -> Iterator[int]:
    for step in block:
        if step[0] == "import":
            if inside:
                yield step[1]
        elif step[0] == "if":
            positive = _is_type_checking(index, module, step[1])
            negative = _is_negated(index, module, step[1])
            yield from _imports(index, module, step[2], inside or positive)
            yield from _imports(index, module, step[3], inside or negative)
        elif step[0] in ("try", "with", "loop", "match"):
            for part in blocks(step):
                yield from _imports(index, module, part, inside)


def _is_type_checking(index: Index, module: str, test: int) -> bool:
    if index.names.dotted((module, test)) & {"typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING"}:
        return True
    node = index.project.node((module, test))
    if node[0] == "and":
        return any(_is_type_checking(index, module, each) for each in node[1])
    return index.project.last_name((module, test)) == "TYPE_CHECKING"


def _is_negated(index: Index, module: str, test: int) -> bool:
    node = index.project.node((module, test))
    return node[0] == "not" and _is_type_checking(index, module, node[1])
