"""Confined call: a method may be called, and a reference to it taken, only inside the callers that are allowed to.

Why: a plugin that is run past its runner runs without validation, metrics, limits and an error envelope.
Limits: names computed at run time and receivers nothing is known about are reported below the failing grade.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Binding, Broken, Ref, Report, Trail, Violation
from governance.findings import Grade
from governance.index import Index
from governance.index.project import ScopeId
from governance.index.values import ClassId, FunctionId, Value

NAME: Final = "confined-call"

_INSPECTION: Final = frozenset((
    "callable", "hasattr", "isinstance", "issubclass", "id", "repr", "str", "type", "print", "hash", "bool",
    "iscoroutinefunction", "signature", "getdoc", "getsource", "isfunction", "ismethod", "getfullargspec", "unwrap",
    "get_type_hints", "isabstract", "isasyncgenfunction", "isgeneratorfunction", "getfile", "getsourcefile",
    "getsourcelines", "getmodule",
))  # fmt: skip
_INSPECTED: Final = frozenset((
    "__name__", "__qualname__", "__doc__", "__module__", "__annotations__", "__isabstractmethod__", "__defaults__",
    "__kwdefaults__", "__code__", "__self__", "__dict__", "__signature__",
))  # fmt: skip
_THROUGH: Final = frozenset(("__func__", "__call__", "__get__", "__wrapped__"))
_GETATTR: Final = frozenset(("builtins.getattr", "inspect.getattr_static"))


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
    """A receiver that is governed: how certain, which value says so, and in which spelling."""

    grade: Grade
    value: Value | None
    how: str


def check(index: Index, options: Options) -> Report:
    """Examine every load of a confined method's name, and every spelling that reaches it without one."""
    report = Report()
    targets = [target for symbol in options.methods if (target := _target(index, symbol, report))]
    allowed = [scope for symbol in options.allowed if (scope := _allowed(index, symbol, report))]
    for target in targets:
        for site, base, how in _sites(index, target):
            _examine(index, target, site, base, how, allowed, options, report)
        for site in _direct_calls(index, target):
            _judge(index, target, site, _Hit(Grade.DEFINITE, None, "call"), allowed, report)
    sites = sum(binding.role in ("allowed site", "implementation") for binding in report.bindings)
    return Report(report.violations, report.bindings, report.broken, sites + len(report.violations))


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
    target = _Target(scope, index.project.scope(scope).name, owner, classes, index.project.qualname(scope))
    for each in sorted(index.overrides(scope)):
        report.bindings.append(Binding("confined", index.project.symbol(each), index.project.definition(each)))
    return target


def _allowed(index: Index, symbol: str, report: Report) -> ScopeId | None:
    scope = index.find(symbol)
    if scope is None:
        report.broken.append(
            Broken(
                "allowed", symbol, f"the allowed caller {symbol} names nothing in this project", index.suggest(symbol)
            )
        )
        return None
    report.bindings.append(Binding("allowed", index.project.symbol(scope), index.project.definition(scope)))
    return scope


def _sites(index: Index, target: _Target) -> Iterator[tuple[Ref, Ref, str]]:
    """(site, receiver node, spelling) of every place that may take the method off a receiver."""
    project = index.project
    for ref in project.attr_loads(target.name):
        yield ref, (ref[0], project.node(ref)[1]), "attribute"
    if target.owner is None:
        return
    for name in ("getattr", "getattr_static"):
        for ref in project.calls(name):
            node = project.node(ref)
            if len(node[2]) >= 2 and index.externals(ref) & _GETATTR:
                yield ref, (ref[0], node[2][0]), "getattr"
    for ref in project.calls("__getattribute__"):
        node = project.node(ref)
        callee = project.node((ref[0], node[1]))
        if callee[0] == "attr" and node[2]:
            receiver = node[2][0] if len(node[2]) > 1 else callee[1]
            yield ref, (ref[0], receiver), "getattr"
    yield from _getters(index)
    for ref in project.attr_loads("__dict__"):
        for user in project.users(ref):
            if project.node(user)[0] == "sub" and project.node(user)[1] == ref[1]:
                yield user, (ref[0], project.node(ref)[1]), "getattr"
    for ref in project.calls("vars"):
        node = project.node(ref)
        for user in project.users(ref):
            if node[2] and project.node(user)[0] == "sub" and project.node(user)[1] == ref[1]:
                yield user, (ref[0], node[2][0]), "getattr"


def _getters(index: Index) -> Iterator[tuple[Ref, Ref, str]]:
    """`methodcaller("run")(plugin, x)`, `map(attrgetter("run"), plugins)`."""
    project = index.project
    for name in ("methodcaller", "attrgetter"):
        for ref in project.calls(name):
            if not any(each.endswith(name) for each in index.externals(ref)):
                continue
            for user in index.uses(ref):
                node = project.node(user)
                if node[0] == "call":
                    for argument in node[2]:
                        if argument != ref[1]:
                            yield user, (user[0], argument), f"{name}:{ref[1]}"


def _names(index: Index, target: _Target, site: Ref, how: str) -> bool | None:
    """Whether a spelling by string names the method: True, False, or None if the name is computed."""
    node = index.project.node(site)
    if how == "attribute":
        return True
    if how == "getattr":
        number = node[2] if node[0] == "sub" else node[2][min(1, len(node[2]) - 1)]
    else:
        made = index.project.node((site[0], int(how.partition(":")[2])))
        if not made[2]:
            return False
        number = made[2][0]
    values = index.values((site[0], number))
    words = {value[2] for value in values if value[:2] == ("const", "str")}
    if words:
        return target.name in words
    return None if not values or any(value[0] == "xinst" and value[1] == "builtins.str" for value in values) else False


def _examine(
    index: Index, target: _Target, site: Ref, base: Ref, how: str, allowed: list[ScopeId], options: Options,
    report: Report,
) -> None:  # fmt: skip
    named = _names(index, target, site, how)
    if named is False:
        return
    hit = _receiver(index, target, base, items=":" in how)
    if hit is None:
        if named and how == "attribute" and target.owner and not index.values(base):
            _unknown(index, target, site, base, allowed, options, report)
        return
    if named is None:
        if not _enclosed(index, site, allowed):
            text = (
                f"an attribute of {target.owner and index.project.qualname(target.owner)} is taken by a computed name"
            )
            report.violations.append(
                Violation(
                    "dynamic-access", f"{text} in {_where(index, site)}", Grade.POSSIBLE, site, subject=target.shown
                )
            )
        return
    _judge(index, target, site, hit, allowed, report, base)


def _receiver(index: Index, target: _Target, base: Ref, *, items: bool = False) -> _Hit | None:
    """Whether a receiver is governed, by the best graded of its values."""
    best: _Hit | None = None
    values = dict(index.values(base))
    if items:
        values.update(index.elements(base))
    for value, evidence in values.items():
        hit = _value(index, target, value, Grade(evidence.grade))
        if hit is not None and (best is None or hit.grade > best.grade):
            best = hit
    return best


def _value(index: Index, target: _Target, value: Value, grade: Grade) -> _Hit | None:
    kind = value[0]
    if target.owner is None:
        if kind == "mod" and ("fn", target.function) in index.member(value[1], target.name):
            return _Hit(grade, value, "function")
        return None
    if kind in ("inst", "self"):
        return _instance(index, target, value, grade)
    if kind in ("cls", "selfcls"):
        return _Hit(grade, value, "class") if value[1] in target.classes else None
    if kind == "super":
        line = index.mro(value[2][1]) if value[2][0] in ("self", "selfcls", "inst", "cls") else index.mro(value[1])
        after = line[line.index(value[1]) + 1 :] if value[1] in line else index.mro(value[1])[1:]
        if any(each in target.classes for each in after):
            return _Hit(grade, value, "super")
    return None


def _instance(index: Index, target: _Target, value: Value, grade: Grade) -> _Hit | None:
    cls: ClassId = value[1]
    owner = target.owner
    assert owner is not None  # noqa: S101  # only methods get here
    if cls in target.classes:
        return _Hit(grade, value, "instance")
    if index.classes.is_protocol(owner) and index.implements(cls, owner):
        return _Hit(min(grade, Grade.PROBABLE), value, "instance")
    below = [each for each in index.subclasses(cls) if each in target.classes]
    if below:
        defines = index.classes.lookup(cls, target.name) is not None
        return _Hit(min(grade, Grade.POSSIBLE if defines else Grade.PROBABLE), value, "instance")
    return None


def _judge(
    index: Index, target: _Target, site: Ref, hit: _Hit, allowed: list[ScopeId], report: Report, base: Ref | None = None
) -> None:
    where = _where(index, site)
    if _enclosed(index, site, allowed):
        report.bindings.append(Binding("allowed site", f"{index.project.text(site)} in {where}", site))
        return
    if _implementation(index, target, site, hit):
        report.bindings.append(Binding("implementation", f"{index.project.text(site)} in {where}", site))
        return
    use = _use(index, site)
    if use is None:
        report.bindings.append(Binding("inspected", f"{index.project.text(site)} in {where}", site))
        return
    chain: tuple[Trail, ...] = ()
    if base is not None and hit.value is not None:
        chain = index.chain(base, hit.value)
    name = "call" if use == "is called" else "reference"
    report.violations.append(
        Violation(name, f"{_shown(index, site)} {use} in {where}", hit.grade, site, chain=chain, subject=target.shown)
    )


def _shown(index: Index, site: Ref) -> str:
    node = index.project.node(site)
    text = index.project.text(site)
    return f"{text}()" if node[0] == "attr" and _use(index, site) == "is called" else text


def _where(index: Index, site: Ref) -> str:
    return index.project.qualname(index.project.owner(site)) or f"module {site[0]}"


def _enclosed(index: Index, site: Ref, allowed: list[ScopeId]) -> bool:
    return any(scope in allowed for scope in index.project.enclosing(index.project.owner(site)))


def _implementation(index: Index, target: _Target, site: Ref, hit: _Hit) -> bool:
    """`super().m(...)`, or the parent's method called on `self`, inside an override of m."""
    if hit.how not in ("super", "class"):
        return False
    for scope in index.project.enclosing(index.project.owner(site)):
        owner = index.project.owning_class(scope)
        if owner is None:
            continue
        if index.project.scope(scope).name != target.name or owner not in target.classes:
            return False
        if hit.how == "super":
            return True
        receiver = ("param", scope[1], 0)
        for user in index.uses(site):
            call = index.project.node(user)
            if call[0] != "call" or not call[2]:
                return False
            first = index.project.node((site[0], call[2][0]))
            if first[0] == "local" and first[2] >= 0:
                first = index.project.node((site[0], first[2]))
            if tuple(first) != receiver or hit.value is None or hit.value[1] not in index.mro(owner):
                return False
        return True
    return False


def _use(index: Index, site: Ref) -> str | None:
    """How a reference is used, None if it is only looked at."""
    project = index.project
    node = project.node(site)
    if (
        node[0] == "call"
        and project.node((site[0], node[1]))[0] not in ("free", "local")
        or node[0] == "call"
        and any(each.endswith(("methodcaller", "attrgetter")) for each in _callee_types(index, site))
    ):
        callee = project.node((site[0], node[1]))
        if callee[0] != "attr" or callee[2] != "__getattribute__":
            return "is called"
    if _bound_outside(index, site):
        return "is kept"
    for user in index.uses(site):
        use = _one_use(index, site, user)
        if use is not None:
            return use
    scope = project.scope(project.owner(site))
    if _reaches(index, site, set(scope.results) | set(scope.yields)):
        return "is returned"
    return None


def _callee_types(index: Index, call: Ref) -> set[str]:
    node = index.project.node(call)
    return {value[1] for value in index.values((call[0], node[1])) if value[0] == "xinst"}


def _one_use(index: Index, site: Ref, user: Ref) -> str | None:
    project = index.project
    node = project.node(user)
    op = node[0]
    if op == "call":
        if _leads(index, (user[0], node[1]), site):
            return "is called"
        last = project.text((user[0], node[1])).rpartition(".")[2]
        if last in _INSPECTION:
            return None
        return f"is handed to {project.text((user[0], node[1]))}"
    if op == "attr":
        if node[2] in _INSPECTED:
            return None
        return _use(index, user) if node[2] in _THROUGH else "is used"
    if op in ("compare", "not", "fstring", "exception", "import"):
        return None
    if op in ("store_attr", "store_item"):
        return "is kept" if node[-1] == site[1] or _leads(index, (user[0], node[-1]), site) else None
    return "is passed on"


def _leads(index: Index, ref: Ref, site: Ref) -> bool:
    """Whether a node is the site, seen through local names."""
    return ref == site or _reaches(index, site, {ref[1]})


def _reaches(index: Index, site: Ref, wanted: set[int]) -> bool:
    seen = {site[1]}
    todo = [site]
    while todo:
        current = todo.pop()
        if current[1] in wanted:
            return True
        for user in index.project.users(current):
            node = index.project.node(user)
            if user[1] not in seen and node[0] in ("local", "phi", "narrow", "annotated", "ifexp", "and", "or"):
                seen.add(user[1])
                todo.append(user)
    return False


def _bound_outside(index: Index, site: Ref) -> bool:
    """Bound to a name that outlives the function's flow: a module or class attribute, or a variable of a closure."""
    project = index.project
    owner = project.owner(site)
    scope = project.scope(owner)
    facts = project.modules[site[0]].facts
    for name, definitions in scope.bindings.items():
        if site[1] in definitions:
            if scope.kind in ("module", "class") or name in scope.global_names:
                return True
            if any(
                node[0] == "free" and node[1] == name and facts.owner[number] != owner[1]
                for number, node in enumerate(facts.nodes)
            ):
                return True
    return any(
        each.kind in ("module", "class") and any(site[1] in numbers for numbers in each.bindings.values())
        for each in facts.scopes
    )


def _direct_calls(index: Index, target: _Target) -> Iterator[Ref]:
    """Calls of a confined plain function by its name, and of confined `__call__` methods."""
    project = index.project
    if target.owner is None:
        names = {target.name, *project.aliases.get(target.name, ())}
        for name in names:
            for ref in {*project.calls(name), *project.mentions(name)}:
                node = project.node(ref)
                for number in (node[1], *node[2], *(value for _, value in node[3])):
                    if project.node((ref[0], number))[0] != "attr" and ("fn", target.function) in index.values(
                        (ref[0], number)
                    ):
                        yield (ref[0], number)
    elif target.name == "__call__":
        for ref in project.all_calls:
            callee = (ref[0], project.node(ref)[1])
            if any(cls in target.classes for cls in index.classes_of(callee)):
                yield ref


def _unknown(
    index: Index, target: _Target, site: Ref, base: Ref, allowed: list[ScopeId], options: Options, report: Report
) -> None:
    """A receiver nothing is known about is not "no"."""
    if _enclosed(index, site, allowed) or _use(index, site) is None:
        return
    told = index.project.last_name(base) in options.receiver_names
    grade = Grade.POSSIBLE if told else Grade.UNRESOLVED
    report.violations.append(
        Violation(
            "unknown-receiver",
            f"{_shown(index, site)} in {_where(index, site)} may be {target.shown}: {index.unresolved(base)}",
            grade, site, subject=target.shown,
        )
    )  # fmt: skip
