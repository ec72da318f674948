"""Confined call: a method may be called, and a reference to it taken, only inside the callers that are allowed to.

Why: a plugin that is run past its runner runs without validation, metrics, limits and an error envelope.
Limits: names computed at run time and receivers nothing is known about are reported below the failing grade.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance.contract import Binding, Broken, Direction, Ref, Report, Violation, Weaker
from governance.findings import Grade
from governance.index import Index
from governance.index.project import ScopeId
from governance.index.solver import Evidence
from governance.index.taken import Site, sites
from governance.index.uses import use
from governance.index.values import ClassId, FunctionId, Value

NAME: Final = "confined-call"
WEAKER: Final[Mapping[str, Direction]] = {
    "methods": Weaker.LESS,
    "allowed": Weaker.MORE,
    "receiver_names": Weaker.LESS,
}

_COMPUTED: Final = frozenset((("xinst", "builtins.str"), ("xinst", "inspect.getmembers")))
"""Values of a name that is not known before run time; `getmembers` stands for all names there are."""


@dataclass(frozen=True, slots=True)
class Options:
    """What is confined, and to whom."""

    methods: tuple[str, ...]
    """The confined methods or functions, `pkg.mod:Class.method`; overrides in subclasses are confined with them."""
    allowed: tuple[str, ...]
    """Functions (with everything nested in them), classes or modules that may call and reference them."""
    receiver_names: tuple[str, ...] = ()
    """Names that tell: an unknown receiver that goes by one of them is `possible` instead of `unresolved`."""


@dataclass(frozen=True, slots=True)
class _Target:
    function: FunctionId
    name: str
    owner: ClassId | None
    classes: frozenset[ClassId]
    shown: str


@dataclass(frozen=True, slots=True)
class _Hit:
    """A governed receiver: how certain, which value says so; how: instance, class, super or function."""

    grade: Grade
    value: Value | None
    how: str


@dataclass(frozen=True, slots=True)
class _Scan:
    """One confined method under examination."""

    index: Index
    target: _Target
    allowed: list[ScopeId]
    names: tuple[str, ...]
    report: Report

    def where(self, site: Ref) -> str:
        """The enclosing function as messages name it."""
        return self.index.project.qualname(self.index.project.owner(site)) or f"module {site[0]}"

    def is_allowed(self, site: Ref) -> bool:
        """Whether a place lies inside an allowed caller."""
        return any(scope in self.allowed for scope in self.index.project.enclosing(self.index.project.owner(site)))


def check(index: Index, options: Options) -> Report:
    """Examine every place that may take a confined method off an object."""
    report = Report()
    targets = [target for symbol in options.methods if (target := _target(index, symbol, report))]
    allowed = [scope for symbol in options.allowed if (scope := _allowed(index, symbol, report))]
    for target in targets:
        scan = _Scan(index, target, allowed, options.receiver_names, report)
        for site in sites(index, target.name):
            _examine(scan, site)
        for ref, grade in _direct_calls(index, target):
            called = index.project.node(ref)[0] == "call"
            _judge(scan, Site(ref, ref, calls=called), _Hit(grade, None, "function"))
    held = sum(binding.role in ("allowed site", "implementation") for binding in report.bindings)
    return Report(report.violations, report.bindings, report.broken, held + len(report.violations))


def _target(index: Index, symbol: str, report: Report) -> _Target | None:
    scope = index.find(symbol)
    if scope is None or index.project.scope(scope).kind != "function":
        message = "names nothing in this project" if scope is None else "is not a function or method"
        report.broken.append(
            Broken("methods", symbol, f"the confined method {symbol} {message}", index.suggest(symbol))
        )
        return None
    owner = index.project.owning_class(scope)
    classes = frozenset(index.subclasses(owner)) if owner else frozenset()
    for each in sorted(index.overrides(scope)):
        report.bindings.append(Binding("confined", index.project.symbol(each), index.project.definition(each)))
    return _Target(scope, index.project.scope(scope).name, owner, classes, index.project.qualname(scope))


def _allowed(index: Index, symbol: str, report: Report) -> ScopeId | None:
    scope = index.find(symbol)
    if scope is None:
        message = f"the allowed caller {symbol} names nothing in this project"
        report.broken.append(Broken("allowed", symbol, message, index.suggest(symbol)))
        return None
    report.bindings.append(Binding("allowed", index.project.symbol(scope), index.project.definition(scope)))
    return scope


def _examine(scan: _Scan, site: Site) -> None:
    named = _names(scan, site)
    if named is False:
        return
    hit = _receiver(scan, site)
    if hit is None:
        if site.name is None and scan.target.owner and (vague := _vague(scan, site)) is not None:
            _unknown(scan, site, vague)
    elif named:
        _judge(scan, site, hit)
    elif not scan.is_allowed(site.ref) and scan.target.owner is not None:
        owner = scan.index.project.qualname(scan.target.owner)
        text = f"an attribute of {owner} is taken by a computed name in {scan.where(site.ref)}"
        scan.report.violations.append(
            Violation("dynamic-access", text, Grade.POSSIBLE, site.ref, subject=scan.target.shown)
        )


def _vague(scan: _Scan, site: Site) -> Ref | None:
    """The node nothing is known about. Values that all lack the method say no more: there must be another one."""
    vague = scan.index.vague(site.receiver)
    return site.receiver if vague is None and scan.index.lacks(site.receiver, scan.target.name) else vague


def _names(scan: _Scan, site: Site) -> bool | None:
    """Whether a place names the method: True, False, or None if the name is computed."""
    if site.name is None:
        return True
    values = scan.index.values(site.name)
    words = {value[2] for value in values if value[:2] == ("const", "str")}
    if words:
        return any(word == scan.target.name or word.endswith(f".{scan.target.name}") for word in words)
    return None if not values or any(value[:2] in _COMPUTED for value in values) else False


def _receiver(scan: _Scan, site: Site) -> _Hit | None:
    """Whether a receiver is governed, by the best graded of its values."""
    best: _Hit | None = None
    for value, evidence in _held(scan, site).items():
        hit = _value(scan.index, scan.target, value, Grade(evidence.grade))
        if hit is not None and (best is None or hit.grade > best.grade):
            best = hit
    return best


def _held(scan: _Scan, site: Site) -> Mapping[Value, Evidence]:
    """What the attribute is taken off; `attrgetter("plugin.run")` takes it off an attribute of the receiver."""
    index = scan.index
    values = index.elements(site.receiver) if site.each else index.values(site.receiver)
    values = {**values, **index.forwarded(values, scan.target.name)}
    for name in index.values(site.name) if site.name is not None else ():
        if name[:2] == ("const", "str") and str(name[2]).endswith(f".{scan.target.name}"):
            for part in str(name[2]).split(".")[:-1]:
                values = index.loaded({value: Grade(each.grade) for value, each in values.items()}, part)
    return values


def _value(index: Index, target: _Target, value: Value, grade: Grade) -> _Hit | None:
    kind = value[0]
    if target.owner is None:
        if kind == "mod" and ("fn", target.function) in index.member(value[1], target.name):
            return _Hit(grade, value, "function")
        return None
    if kind in ("inst", "self"):
        return _instance(index, target, value, grade)
    if kind in ("cls", "selfcls"):
        governed = _governed(index, target, value[1])
        return _Hit(min(grade, governed), value, "class") if governed is not None else None
    if kind == "super":
        line = index.mro(value[2][1]) if value[2][0] in ("self", "selfcls", "inst", "cls") else index.mro(value[1])
        after = line[line.index(value[1]) + 1 :] if value[1] in line else index.mro(value[1])[1:]
        grades = [governed for each in after if (governed := _governed(index, target, each)) is not None]
        if grades:
            return _Hit(min(grade, max(grades)), value, "super")
    return None


def _governed(index: Index, target: _Target, cls: ClassId) -> Grade | None:
    """How certain it is that the method of a class is the confined one; `None` where it is not."""
    if cls in target.classes:
        return Grade.DEFINITE
    if target.owner is not None and index.is_protocol(target.owner) and index.implements(cls, target.owner):
        return Grade.PROBABLE
    return None


def _instance(index: Index, target: _Target, value: Value, grade: Grade) -> _Hit | None:
    cls: ClassId = value[1]
    governed = _governed(index, target, cls)
    if governed is not None:
        return _Hit(min(grade, governed), value, "instance")
    if any(each in target.classes for each in index.subclasses(cls)):
        defines = index.classes.lookup(cls, target.name) is not None
        return _Hit(min(grade, Grade.POSSIBLE if defines else Grade.PROBABLE), value, "instance")
    return None


def _judge(scan: _Scan, site: Site, hit: _Hit) -> None:
    index, ref = scan.index, site.ref
    text = index.project.text(ref)
    where = scan.where(ref)
    if scan.is_allowed(ref):
        scan.report.bindings.append(Binding("allowed site", f"{text} in {where}", ref))
        return
    if _implementation(scan, ref, hit):
        scan.report.bindings.append(Binding("implementation", f"{text} in {where}", ref))
        return
    how = "is called" if site.calls else use(index, ref)
    if how is None:
        scan.report.bindings.append(Binding("inspected", f"{text} in {where}", ref))
        return
    chain = index.chain(site.receiver, hit.value) if hit.value is not None and not site.each else ()
    check_name = "call" if how == "is called" else "reference"
    message = f"{_shown(index, ref, how)} {how} in {where}"
    scan.report.violations.append(
        Violation(check_name, message, hit.grade, ref, chain=chain, subject=scan.target.shown)
    )


def _shown(index: Index, site: Ref, how: str) -> str:
    text = index.project.text(site)
    return f"{text}()" if index.project.node(site)[0] == "attr" and how == "is called" else text


def _implementation(scan: _Scan, site: Ref, hit: _Hit) -> bool:
    """`super().m(...)`, or the parent's method on `self`, inside an override of m; a function that calls itself."""
    if hit.how == "function":
        return scan.target.function in scan.index.project.enclosing(scan.index.project.owner(site))
    if hit.how not in ("super", "class"):
        return False
    index = scan.index
    for scope in index.project.enclosing(index.project.owner(site)):
        owner = index.project.owning_class(scope)
        if owner is None:
            continue
        if index.project.scope(scope).name != scan.target.name or _governed(index, scan.target, owner) is None:
            return False
        if hit.how == "super":
            return True
        parent = hit.value is not None and hit.value[1] in index.mro(owner)
        return parent and all(_passes_self(index, user, scope) for user in index.uses(site))
    return False


def _passes_self(index: Index, call: Ref, scope: ScopeId) -> bool:
    """Whether a call hands over the first parameter of a method as its first argument."""
    node = index.project.node(call)
    if node[0] != "call" or not node[2]:
        return False
    first = index.project.node((call[0], node[2][0]))
    if first[0] == "local" and first[2] >= 0:
        first = index.project.node((call[0], first[2]))
    return bool(first == ["param", scope[1], 0])


def _direct_calls(index: Index, target: _Target) -> Iterator[tuple[Ref, Grade]]:
    """Loads of a confined plain function by its name, and calls of objects with a confined `__call__`."""
    project = index.project
    if target.owner is None:
        names = {target.name, *project.aliases.get(target.name, ())}
        for name, module in project.modules.items():
            for number, node in enumerate(module.facts.nodes):
                load = (name, number)
                if node[0] in ("local", "free") and node[1] in names and ("fn", target.function) in index.values(load):
                    yield load, Grade.DEFINITE
    else:
        yield from ((ref, Grade.DEFINITE) for ref in _class_bodies(index, target))
    if target.name == "__call__":
        for ref in project.all_calls:
            called = index.classes_of((ref[0], project.node(ref)[1]))
            grades = [governed for cls in called if (governed := _governed(index, target, cls)) is not None]
            if grades:
                yield ref, max(grades)


def _class_bodies(index: Index, target: _Target) -> Iterator[Ref]:
    """A method by its bare name in the body of its class: `again = run`, `partialmethod(run, 1)`."""
    for method in sorted(index.overrides(target.function)):
        module, body = method[0], index.project.scope(method).parent
        facts = index.project.modules[module].facts
        again = set(facts.scopes[body].bindings[target.name])
        for number, node in enumerate(facts.nodes):
            if facts.owner[number] != body or node[0] not in ("local", "free") or node[1] != target.name:
                continue
            users = index.uses((module, number))
            # Decorated by hand under its own name, or asked for an attribute (`run.register`).
            if any(user[1] in again or index.project.node(user)[0] == "attr" for user in users):
                continue
            if ("fn", method) in index.values((module, number)):
                yield module, number


def _unknown(scan: _Scan, site: Site, vague: Ref) -> None:
    """A receiver nothing is known about is not "no"."""
    index, ref = scan.index, site.ref
    how = use(index, ref)
    if scan.is_allowed(ref) or how is None:
        return
    told = index.project.last_name(site.receiver) in scan.names
    message = f"{_shown(index, ref, how)} in {scan.where(ref)} may be {scan.target.shown}: "
    scan.report.violations.append(
        Violation(
            "unknown-receiver",
            message + index.unresolved(vague),
            Grade.POSSIBLE if told else Grade.UNRESOLVED,
            ref,
            subject=scan.target.shown,
        )
    )
