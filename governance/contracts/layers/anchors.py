"""Anchors: what the configuration names must exist; entries are resolved to the functions that count."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from governance.contract import Binding, Broken
from governance.contracts.layers.layering import Layering, compiled
from governance.index.project import ScopeId
from governance.index.values import ClassId, FunctionId


@dataclass(frozen=True, slots=True)
class Targets:
    """The functions whose calls count, by the name they are called by.

    layers: each function with the layer it belongs to; classes: for entries, the classes through which a function
    that is defined in no layer counts (an inherited entry).
    """

    layers: dict[FunctionId, int] = field(default_factory=dict)
    classes: dict[FunctionId, frozenset[ClassId]] = field(default_factory=dict)
    names: dict[str, set[FunctionId]] = field(default_factory=dict)

    def add(self, name: str, function: FunctionId, layer: int) -> None:
        """Count a function."""
        self.layers[function] = layer
        self.names.setdefault(name, set()).add(function)


def bindings(layering: Layering) -> list[Binding]:
    """The modules of every layer, and the composition roots."""
    modules = layering.index.project.modules
    found = [
        Binding(f"layer {layering.name(layer)}", name, path=modules[name].path) for name, layer in layering.layered
    ]
    roots = [name for name in modules if layering.is_root(name)]
    return found + [Binding("composition root", name, path=modules[name].path) for name in roots]


def broken(layering: Layering) -> Iterator[Broken]:
    """Patterns that match no module."""
    options = layering.options
    named = [("modules", pattern) for layer in options.order for pattern in options.modules[layer]]
    named += [("composition-roots", pattern) for pattern in options.composition_roots]
    named += [("neutral", pattern) for pattern in options.neutral]
    modules = layering.index.project.modules
    for option, pattern in named:
        match = compiled(pattern).fullmatch
        if not any(match(name) for name in modules):
            message = f"no module of this project is, or lies below, {pattern}"
            yield Broken(option, pattern, message, layering.index.suggest(pattern))


def targets(layering: Layering, broken: list[Broken]) -> Targets:
    """The functions whose calls count; entries that name nothing, or nothing of their layer, are broken."""
    found = Targets()
    if not layering.options.entry:
        for name, layer in layering.layered:
            for scope in _public(layering, (name, 0)):
                found.add(layering.index.project.scope(scope).name, scope, layer)
        return found
    for named, symbols in layering.options.entry.items():
        number = layering.options.order.index(named)
        for symbol in symbols:
            problem = _entry(layering, symbol, number, found)
            if problem:
                broken.append(Broken("entry", symbol, problem, layering.index.suggest(symbol)))
    return found


def _entry(layering: Layering, symbol: str, layer: int, found: Targets) -> str:
    index, project = layering.index, layering.index.project
    scope = index.find(symbol)
    if scope is None:
        return f"the entry {symbol} names nothing in this project"
    home = project.split(symbol)[0]
    if layer not in (layering.layer(scope[0]), layering.layer(home)):
        return f"the entry {symbol} is not in layer {layering.name(layer)}"
    if project.scope(scope).kind != "function":
        for each in _public(layering, scope):
            found.add(project.scope(each).name, each, layer)
        return ""
    owner = project.owning_class(scope)
    through = index.find(symbol.rpartition(".")[0]) if owner else None
    if through is not None and project.scope(through).kind == "class":
        found.classes[scope] = frozenset(index.subclasses(through))
    for each in index.overrides(scope):
        if each == scope or layering.layer(each[0]) == layer:
            found.add(project.scope(each).name, each, layer)
    return ""


def _public(layering: Layering, around: ScopeId) -> Iterator[ScopeId]:
    """The functions and methods that others can call by name."""
    module, start = around
    scopes = layering.index.project.modules[module].facts.scopes
    for number, scope in enumerate(scopes):
        if scope.kind != "function" or (scope.name.startswith("__") and scope.name != "__call__"):
            continue
        chain = [each for _, each in layering.index.project.enclosing((module, number))][1:]
        if start in chain and all(scopes[each].kind in ("class", "module") for each in chain):
            yield (module, number)
