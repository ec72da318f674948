"""Which functions a symbol of the configuration names."""

from __future__ import annotations

from governance.index import Index
from governance.index.names import Entity
from governance.index.project import ScopeId
from governance.index.values import last_part


def functions_named(index: Index, symbol: str) -> list[ScopeId] | None:
    """The functions a symbol stands for, overloads left out; None if it names nothing. `+` adds the overrides."""
    name = symbol.removeprefix("+")
    scope = index.find(name) or _assigned(index, name)
    if scope is None:
        return None
    if index.project.scope(scope).kind not in ("function", "lambda"):
        return [scope]
    found = _live(index, scope)
    if symbol.startswith("+"):
        for each in sorted(index.overrides(scope)):
            found += [other for other in _live(index, each) if other not in found]
    return found


def _live(index: Index, function: ScopeId) -> list[ScopeId]:
    """The definition with its conditional siblings, without overloads and those a later one replaces."""
    parent = (function[0], index.project.scope(function).parent)
    scope = index.project.scope(parent)
    name = index.project.scope(function).name
    final = scope.final.get(name)
    if final is None or scope.kind == "function":
        return [function]
    entities = [entity[1] for entity in index.names.resolve((function[0], final)) if entity[0] == "fn"]
    alive = [each for each in dict.fromkeys(entities) if not _is_overload(index, each)]
    return alive if function in alive else [function]


def _is_overload(index: Index, function: ScopeId) -> bool:
    return any(
        last_part(dotted) == "overload"
        for decorator in index.project.scope(function).decorators
        for dotted in index.names.dotted((function[0], decorator))
    )


def _assigned(index: Index, symbol: str) -> ScopeId | None:
    """`execute = _execute` in a class or module: what the name stands for."""
    module, rest = index.project.split(symbol)
    if not rest or module not in index.project.modules:
        return None
    owner, _, name = rest.rpartition(".")
    entities: list[Entity]
    if owner:
        cls = index.find(f"{module}:{owner}")
        found = index.classes.lookup(cls, name) if cls and index.project.scope(cls).kind == "class" else None
        entities = [entity for ref in (found[1] if found else ()) for entity in index.names.resolve(ref)]
    else:
        entities = index.names.member(module, name)
    for entity in entities:
        if entity[0] in ("fn", "cls"):
            scope: ScopeId = entity[1]
            return scope
    return None
