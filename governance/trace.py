"""Trace: who reaches a function or class, directly and through others, and through which layers."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from governance.contracts.layers import Options as LayersOptions
from governance.contracts.layers.layering import Layering
from governance.findings import Grade
from governance.globs import matcher
from governance.index.callers import Caller, Callers
from governance.index.project import ScopeId
from governance.places import Places
from governance.render import printable, where
from governance.result import place_to_json
from governance.settings import Settings


class UnknownSymbol(LookupError):
    """The symbol names no function or class; the text says what and what is near."""


@dataclass(slots=True)
class Trace:
    """Who reaches the targets (what the symbol names, and its overrides).

    callers: for every function on the way what reaches it; unresolved ones are kept but not followed.
    depth: how many steps each lies from the targets; layers: by contract what layer it stands in.
    """

    places: Places
    targets: list[ScopeId]
    callers: dict[ScopeId, list[Caller]] = field(default_factory=dict)
    depth: dict[ScopeId, int] = field(default_factory=dict)
    layers: dict[ScopeId, dict[str, str]] = field(default_factory=dict)
    routes: dict[str, list[tuple[str, ...]]] = field(default_factory=dict)
    """By contract, the sequences of layers on the shortest ways to the targets, the caller's end first."""
    entries: list[ScopeId] = field(default_factory=list)
    """Functions and modules on the way that nothing in the project calls."""

    def symbol(self, scope: ScopeId) -> str:
        """As anchors are written."""
        return self.places.index.project.symbol(scope)


def trace(places: Places, settings: Settings, symbol: str, limit: int, tests: bool) -> Trace:
    """Follow the callers of a symbol up to `limit` steps; tests: in test files too. Raises UnknownSymbol."""
    index = places.index
    scope = index.find(symbol)
    if scope is None or index.project.scope(scope).kind == "module":
        words = "is a module: name a function, method or class of it" if scope else "names nothing in this project"
        near = "" if scope else index.suggest(symbol)
        raise UnknownSymbol(f"{symbol} {words}" + (f"; did you mean {near}?" if near else ""))
    found = Trace(places, sorted(index.overrides(scope)) if index.project.scope(scope).kind == "function" else [scope])
    found.targets.sort(key=lambda each: each != scope)
    is_test = matcher(settings.files.test_files)
    ignored = frozenset(name for name, module in index.project.modules.items() if not tests and is_test(module.path))
    parents = _follow(found, Callers(index, ignored), limit)
    for contract in settings.contracts:
        if isinstance(contract.options, LayersOptions):
            _stratify(found, contract.id, Layering.of(index, contract.options), parents)
    followed = [each for each in found.depth if each in found.callers or index.project.scope(each).kind == "module"]
    found.entries = [each for each in followed if not found.callers.get(each) and each not in found.targets]
    refs = [caller.ref for callers in found.callers.values() for caller in callers]
    places.resolve([*refs, *(ref for each in found.targets if (ref := index.project.definition(each)))])
    return found


def _follow(found: Trace, callers: Callers, limit: int) -> dict[ScopeId, ScopeId]:
    """Breadth first; for every function the next one on its shortest way to a target."""
    parents: dict[ScopeId, ScopeId] = {}
    found.depth = dict.fromkeys(found.targets, 0)
    todo = deque(found.targets)
    while todo:
        scope = todo.popleft()
        if found.depth[scope] >= limit or callers.index.project.scope(scope).kind == "module":
            continue
        found.callers[scope] = callers.of(scope)
        for caller in found.callers[scope]:
            if caller.grade is not Grade.UNRESOLVED and caller.by not in found.depth:
                found.depth[caller.by] = found.depth[scope] + 1
                parents[caller.by] = scope
                todo.append(caller.by)
    return parents


def _stratify(found: Trace, contract: str, layering: Layering, parents: dict[ScopeId, ScopeId]) -> None:
    routes: dict[tuple[str, ...], None] = {}
    for scope in found.depth:
        number = layering.layer(scope[0])
        if number is not None:
            found.layers.setdefault(scope, {})[contract] = layering.name(number)
    for scope in found.depth:
        way: list[str] = []
        current: ScopeId | None = scope
        while current is not None:
            layer = found.layers.get(current, {}).get(contract)
            if layer is not None and way[-1:] != [layer]:
                way.append(layer)
            current = parents.get(current)
        if way:
            routes[tuple(way)] = None
    longest = [way for way in routes if not any(way != other and other[-len(way) :] == way for other in routes)]
    found.routes[contract] = sorted(longest)


def to_lines(found: Trace) -> Iterator[str]:
    """For people: a tree, callers below what they call, each function followed where it is met first."""
    project = found.places.index.project
    shown: set[ScopeId] = set()
    for target in found.targets:
        ref = project.definition(target)
        at = f" ({where(found.places.of(ref))})" if ref else ""
        yield printable(f"{found.symbol(target)}{_layers(found, target)}{at}")
        yield from _branches(found, target, shown)
    unresolved = {
        each.ref: each for callers in found.callers.values() for each in callers if each.grade is Grade.UNRESOLVED
    }
    if unresolved:
        yield "not decided, because nothing is known of the receiver:"
        for caller in unresolved.values():
            yield f"    {_told(found, caller)}"
    for contract, routes in found.routes.items():
        for route in routes:
            yield f"layers of {contract}: {' > '.join(route)}"
    reach = len(found.depth) - len(found.targets)
    yield f"reached from {reach} {'place' if reach == 1 else 'places'}, {len(unresolved)} not decided"
    if found.entries:
        yield printable(f"called by nothing in the project: {', '.join(map(found.symbol, found.entries))}")


def _branches(found: Trace, scope: ScopeId, shown: set[ScopeId]) -> Iterator[str]:
    """A stack of its own, because a way through a large project is deeper than Python's."""
    todo = [(each, 1) for each in reversed(found.callers.get(scope, []))]
    shown.add(scope)
    while todo:
        caller, depth = todo.pop()
        if caller.grade is Grade.UNRESOLVED:
            continue
        again = caller.by in shown and bool(found.callers.get(caller.by))
        yield f"{'    ' * depth}{_told(found, caller)}{' (see above)' if again else ''}"
        if caller.by not in shown:
            shown.add(caller.by)
            todo += [(each, depth + 1) for each in reversed(found.callers.get(caller.by, []))]


def _told(found: Trace, caller: Caller) -> str:
    grade = "" if caller.grade is Grade.DEFINITE else f" ({caller.grade.label})"
    text = f"{found.places.index.project.text(caller.ref)} {caller.how}{grade}"
    return printable(
        f"{found.symbol(caller.by)}{_layers(found, caller.by)}: {text}, {where(found.places.of(caller.ref))}"
    )


def _layers(found: Trace, scope: ScopeId) -> str:
    names = dict.fromkeys(found.layers.get(scope, {}).values())
    return f" [{', '.join(names)}]" if names else ""


def to_json(found: Trace) -> dict[str, Any]:
    """For programs; the shape is described in docs/reference/output.md."""
    project = found.places.index.project
    definitions = [(each, project.definition(each)) for each in found.targets]
    return {
        "targets": [
            {"symbol": found.symbol(each), "place": place_to_json(found.places.of(ref)) if ref else None}
            for each, ref in definitions
        ],
        "callers": [
            {
                "of": found.symbol(scope),
                "by": found.symbol(caller.by),
                "depth": found.depth[scope] + 1,
                "text": project.text(caller.ref),
                "how": caller.how,
                "grade": caller.grade.label,
                "place": place_to_json(found.places.of(caller.ref)),
                "layers": found.layers.get(caller.by, {}),
            }
            for scope, callers in found.callers.items()
            for caller in callers
        ],
        "routes": {contract: [list(route) for route in routes] for contract, routes in found.routes.items()},
        "entries": [found.symbol(each) for each in found.entries],
    }
