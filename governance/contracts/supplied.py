"""Supplied: what the caller has to name is taken from the caller, never a literal, and nothing falls back to one.

Why: a tool that is chosen because nobody chose one does the wrong work, and reports success.
Limits: names are compared by spelling. A text that is computed is let be, and an empty one, which says "not given".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance.contract import Binding, Broken, Direction, Ref, Report, Violation, Weaker
from governance.facts import Node, Scope
from governance.findings import Grade
from governance.index import Index
from governance.index.project import ScopeId

NAME: Final = "supplied"
WEAKER: Final[Mapping[str, Direction]] = {"names": Weaker.LESS, "modules": Weaker.LESS, "allowed": Weaker.MORE}

_DEPTH: Final = 12
_WITH_DEFAULT: Final = {"get": 1, "pop": 1, "setdefault": 1, "getenv": 1, "getattr": 2}
"""Calls that fall back to an argument: its position."""
_KEYED: Final = {"get": 0, "pop": 0, "setdefault": 0, "getattr": 1}
"""Where such a call says what it is asked for."""


@dataclass(frozen=True, slots=True)
class Options:
    """The names, where they are looked at, and who may choose."""

    names: tuple[str, ...]
    """Names that variables, parameters, attributes, keywords and keys of dictionaries go by."""
    modules: tuple[str, ...]
    """The modules or packages that are looked at."""
    allowed: tuple[str, ...] = ()
    """Functions, classes or modules that may name one, `pkg.mod:Class.method`."""


@dataclass(frozen=True, slots=True)
class _Place:
    """A place that takes a value for one of the names."""

    check: str
    name: str
    value: Ref
    says: str
    scope: ScopeId


def check(index: Index, options: Options) -> Report:
    """Look at every place in these modules that gives one of the names a value."""
    report = Report()
    allowed = [scope for symbol in options.allowed if (scope := _anchor(index, symbol, report)) is not None]
    for prefix in options.modules:
        if not any(_lies_in(name, prefix) for name in index.project.modules):
            message = f"{prefix} is no module or package of this project"
            report.broken.append(Broken("modules", prefix, message, index.suggest(prefix)))
    sites, taking = 0, _taking(index, frozenset(options.names))
    for module in sorted(index.project.modules):
        if any(_lies_in(module, prefix) for prefix in options.modules):
            for place in _places(index, module, frozenset(options.names), taking):
                sites += 1
                report.bindings.append(Binding("place", f"{place.name} {place.says}", place.value))
                if not any(scope in allowed for scope in index.project.enclosing(place.scope)):
                    report.violations.extend(_judged(index, place))
    return Report(_once(report.violations), report.bindings, report.broken, sites)


def _anchor(index: Index, symbol: str, report: Report) -> ScopeId | None:
    scope = index.find(symbol)
    if scope is None:
        message = f"{symbol}, which is allowed, names nothing in this project"
        report.broken.append(Broken("allowed", symbol, message, index.suggest(symbol)))
    return scope


def _lies_in(module: str, prefix: str) -> bool:
    return module == prefix or module.startswith(f"{prefix}.")


def _judged(index: Index, place: _Place) -> Iterator[Violation]:
    for ref, text, falls_back in _texts(index, place.value):
        what = "falls back to" if falls_back else place.says
        check = "fallback" if falls_back else place.check
        where = index.project.qualname(place.scope) or place.scope[0]
        yield Violation(check, f"{place.name} {what} {text!r} in {where}", Grade.DEFINITE, ref, subject=place.name)


def _once(found: list[Violation]) -> list[Violation]:
    """A literal is reported once, though several places may take it."""
    return list({each.ref: each for each in reversed(found)}.values())[::-1]


def _taking(index: Index, names: frozenset[str]) -> frozenset[str]:
    """Names that functions with such a parameter go by."""
    project = index.project
    found = {
        project.scope(project.owning_class(each) or each).name if project.scope(each).name == "__init__" else name
        for each in project.scopes("function")
        if (name := project.scope(each).name) and any(param.name in names for param in project.scope(each).params)
    }
    return index.spelling.bound_to(found)


def _places(index: Index, module: str, names: frozenset[str], taking: frozenset[str]) -> Iterator[_Place]:
    facts = index.project.modules[module].facts
    for number, scope in enumerate(facts.scopes):
        yield from _bound((module, number), scope, facts.nodes, names)
    for number, node in enumerate(facts.nodes):
        where = (module, facts.owner[number])
        if node[0] == "store_attr" and node[2] in names:
            yield _Place("assignment", node[2], (module, node[3]), "is set to", where)
        elif node[0] == "store_item" and (name := _key(facts.nodes, node[2])) in names:
            yield _Place("assignment", name, (module, node[3]), "is set to", where)
        elif node[0] == "dict":
            for key, value in node[1]:
                if key >= 0 and (name := _key(facts.nodes, key)) in names:
                    yield _Place("entry", name, (module, value), "is set to", where)
        elif node[0] == "call":
            yield from _asked(module, node, facts.nodes, names, where)
            if node[2] and index.project.last_name((module, node[1])) in taking:
                yield from _passed(index, (module, number), node, names, where)


def _bound(where: ScopeId, scope: Scope, nodes: list[Node], names: frozenset[str]) -> Iterator[_Place]:
    for param in scope.params:
        if param.name in names and param.default >= 0:
            yield _Place("default", param.name, (where[0], param.default), "is by default", where)
    for name in sorted(names.intersection(scope.bindings)):
        for number in scope.bindings[name]:
            if number >= 0 and nodes[number][0] not in ("param", "function", "class", "import", "import_as"):
                yield _Place("assignment", name, (where[0], number), "is set to", where)


def _asked(module: str, node: Node, nodes: list[Node], names: frozenset[str], where: ScopeId) -> Iterator[_Place]:
    """Keywords, and what a lookup of the name falls back to."""
    for name, value in node[3]:
        if name in names:
            yield _Place("argument", name, (module, value), "is given as", where)
    callee = nodes[node[1]]
    at = _KEYED.get(callee[2] if callee[0] == "attr" else callee[1] if callee[0] == "free" else "")
    if at is not None and len(node[2]) > at + 1 and (name := _key(nodes, node[2][at])) in names:
        yield _Place("fallback", name, (module, node[2][at + 1]), "falls back to", where)


def _passed(index: Index, call: Ref, node: Node, names: frozenset[str], where: ScopeId) -> Iterator[_Place]:
    """Arguments for parameters of that name."""
    for callee in index.callees(call):
        params = index.project.scope(callee.function).params[int(callee.receiver is not None) :]
        for param, value in zip(params, node[2], strict=False):
            if param.kind not in ("normal", "positional") or index.project.node((call[0], value))[0] == "star":
                break
            if param.name in names:
                yield _Place("argument", param.name, (call[0], value), "is given as", where)


def _key(nodes: list[Node], number: int) -> str:
    node = nodes[number]
    return node[2] if node[:2] == ["const", "str"] else ""


def _texts(index: Index, ref: Ref, depth: int = _DEPTH, *, falls_back: bool = False) -> Iterator[tuple[Ref, str, bool]]:
    """The literal texts an expression may be, each with its place and whether something else comes first."""
    module, number = ref
    if number < 0 or depth == 0:
        return
    node = index.project.node(ref)
    if node[0] == "const":
        if node[1] == "str" and node[2]:
            yield ref, node[2], falls_back
    elif node[0] in ("free", "attr"):
        for text in _constants(index, ref):
            yield ref, text, falls_back
    else:
        for part, later in _parts(index, module, node):
            if part != number:
                yield from _texts(index, (module, part), depth - 1, falls_back=falls_back or later)


def _parts(index: Index, module: str, node: Node) -> Iterator[tuple[int, bool]]:
    """What an expression may give, and whether only if something else gives nothing."""
    op = node[0]
    if op == "or":
        yield from ((each, position > 0) for position, each in enumerate(node[1]))
    elif op == "and":
        yield node[1][-1], True
    elif op == "ifexp":
        chosen = any(index.project.node((module, each))[0] != "const" for each in node[2:])
        yield from ((each, chosen) for each in node[2:])
    elif op in ("annotated", "local"):
        yield node[2], False
    elif op == "narrow":
        yield node[1], False
    elif op == "phi":
        yield from ((each, False) for each in node[1])
    elif op == "call":
        yield from ((each, True) for each in _fallback(index, module, node))


def _fallback(index: Index, module: str, node: Node) -> list[int]:
    """The argument that a lookup gives when it finds nothing."""
    callee = index.project.node((module, node[1]))
    name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] == "free" else ""
    at = _WITH_DEFAULT.get(name)
    if at is None:
        return []
    return [*node[2][at : at + 1], *(value for key, value in node[3] if key == "default")]


def _constants(index: Index, ref: Ref) -> list[str]:
    """The texts of a constant of a module or class."""
    for entity in index.names.resolve(ref):
        if entity[0] == "node":
            found = index.project.node((entity[1], entity[2]))
            if found[0] == "annotated" and found[2] >= 0:
                found = index.project.node((entity[1], found[2]))
            if found[:2] == ["const", "str"] and found[2]:
                return [found[2]]
    return []
