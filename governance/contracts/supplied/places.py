"""Places that take a value for one of the names: variables, attributes, items, parameters, keywords, fallbacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref
from governance.contracts.supplied.receiving import Receiving
from governance.facts import Node, Scope
from governance.index import Index
from governance.index.project import ScopeId

_ASKED: Final = {"get": 0, "pop": 0, "setdefault": 0, "getattr": 1}
"""Calls that say what they look up and, in the next argument, what to give if it is not there: where they say it."""
_NO_VALUES: Final = ("param", "function", "class", "import", "import_as")


@dataclass(frozen=True, slots=True)
class Place:
    """A place that takes a value for one of the names."""

    check: str
    name: str
    value: Ref
    says: str
    scope: ScopeId


def places(index: Index, module: str, receiving: Receiving) -> Iterator[Place]:
    """All such places of a module."""
    facts, names = index.project.modules[module].facts, receiving.names
    for number, scope in enumerate(facts.scopes):
        yield from _bound((module, number), scope, facts.nodes, names)
    for number, node in enumerate(facts.nodes):
        where = (module, facts.owner[number])
        if node[0] == "store_attr" and node[2] in names:
            yield Place("assignment", node[2], (module, node[3]), "is set to", where)
        elif node[0] == "store_item" and (name := _key(facts.nodes, node[2])) in names:
            yield Place("assignment", name, (module, node[3]), "is set to", where)
        elif node[0] == "dict":
            for key, value in node[1]:
                if key >= 0 and (name := _key(facts.nodes, key)) in names:
                    yield Place("entry", name, (module, value), "is set to", where)
        elif node[0] == "call":
            yield from _called(module, node, facts.nodes, names, where)
            for name, value in receiving.arguments((module, number)):
                yield Place("argument", name, value, "is given as", where)


def _bound(where: ScopeId, scope: Scope, nodes: list[Node], names: frozenset[str]) -> Iterator[Place]:
    for param in scope.params:
        if param.name in names:
            if param.default < 0:
                yield Place("default", param.name, (where[0], param.node), "has to be given", where)
            for value in (param.default, *_declared(nodes, param.annotation)):
                if value >= 0:
                    yield Place("default", param.name, (where[0], value), "is by default", where)
    for name in sorted(names.intersection(scope.bindings)):
        for number in scope.bindings[name]:
            if number >= 0 and nodes[number][0] not in _NO_VALUES:
                yield Place("assignment", name, (where[0], number), "is set to", where)
    for name in sorted(names.intersection(scope.annotations)):
        for value in _declared(nodes, scope.annotations[name]):
            yield Place("assignment", name, (where[0], value), "is set to", where)


def _declared(nodes: list[Node], annotation: int) -> Iterator[int]:
    """The calls in `Annotated[str, Field(default="text")]`."""
    if annotation >= 0 and nodes[annotation][0] == "sub" and nodes[nodes[annotation][2]][0] == "tuple":
        yield from (each for each in nodes[nodes[annotation][2]][1][1:] if nodes[each][0] == "call")


def _called(module: str, node: Node, nodes: list[Node], names: frozenset[str], where: ScopeId) -> Iterator[Place]:
    """Keywords, `setattr`, and what a lookup of the name, or an option that is declared by it, falls back to."""
    for name, value in node[3]:
        if name in names:
            yield Place("argument", name, (module, value), "is given as", where)
    callee, given = nodes[node[1]], node[2]
    called = callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else ""
    if called == "setattr" and len(given) > 2 and (name := _key(nodes, given[1])) in names:
        yield Place("assignment", name, (module, given[2]), "is set to", where)
    at = _ASKED.get(called)
    if at is not None and len(given) > at + 1 and (name := _key(nodes, given[at])) in names:
        yield Place("fallback", name, (module, given[at + 1]), "falls back to", where)
    for value in (value for keyword, value in node[3] if keyword == "default"):
        for name in sorted({_spelled(_key(nodes, each)) for each in given} & names):
            yield Place("fallback", name, (module, value), "falls back to", where)


def _key(nodes: list[Node], number: int) -> str:
    node = nodes[number]
    return node[2] if node[:2] == ["const", "str"] else ""


def _spelled(option: str) -> str:
    """The name under which an option of a command, `--tool-name`, arrives."""
    return option.lstrip("-").replace("-", "_") if option.startswith("-") else option
