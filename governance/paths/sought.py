"""Sought symbols: what a contract names, and whether a call is to one of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.index.values import ClassId, FunctionId

if TYPE_CHECKING:
    from governance.index import Index


@dataclass(frozen=True, slots=True)
class Sought:
    """Functions with their overrides, classes with their subclasses, external dotted names.

    names: the last names, by which a call on an unknown receiver is suspected to be one.
    """

    functions: frozenset[FunctionId] = frozenset()
    classes: frozenset[ClassId] = frozenset()
    externals: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.functions or self.classes or self.externals)


def sought(index: Index, symbols: Iterable[str]) -> tuple[Sought, list[str]]:
    """The symbols that exist, and those that do not. A leading `+` changes nothing: overrides count in any case."""
    functions: set[FunctionId] = set()
    classes: set[ClassId] = set()
    externals: set[str] = set()
    names: set[str] = set()
    missing: list[str] = []
    for written in symbols:
        symbol = written.removeprefix("+")
        scope = index.find(symbol)
        name = symbol.replace(":", ".").rpartition(".")[2]
        if scope is not None and index.project.scope(scope).kind == "function":
            for each in index.project.children((scope[0], index.project.scope(scope).parent), name) or [scope]:
                functions |= index.overrides(each)
        elif scope is not None and index.project.scope(scope).kind == "class":
            classes |= index.subclasses(scope)
        elif _is_external(index, symbol, name):
            externals.add(symbol.replace(":", "."))
        else:
            missing.append(written)
            continue
        names.add(name)
    return Sought(frozenset(functions), frozenset(classes), frozenset(externals), frozenset(names)), missing


def _is_external(index: Index, symbol: str, name: str) -> bool:
    """A name outside the project exists as far as can be told when something in the project calls it."""
    module, _ = index.project.split(symbol)
    if module in index.project.modules or symbol.partition(".")[0] in index.project.packages:
        return False
    dotted = symbol.replace(":", ".")
    return any(dotted in index.externals(call) for call in index.project.calls(name))
