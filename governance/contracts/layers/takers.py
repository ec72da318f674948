"""Takers: every place that calls a function, or takes it to be called later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from governance.contract import Ref
from governance.contracts.layers.layering import Layering
from governance.findings import Grade
from governance.index.taken import sites
from governance.index.uses import use
from governance.index.values import ClassId, FunctionId, Value

_MADE = frozenset(("__init__", "__new__", "__post_init__"))
_ENTERED = frozenset(("__enter__", "__aenter__", "__exit__", "__aexit__"))


@dataclass(frozen=True, slots=True)
class Taken:
    """One place. call: the call node if it is called there, with `bound` if an object takes the first parameter;
    by_value: the function came there as a value, so it was taken by name elsewhere; decorates: it is a decorator."""

    ref: Ref
    call: Ref | None
    bound: bool = False
    grade: Grade = Grade.DEFINITE
    by_value: bool = False
    decorates: bool = False


def takers(layering: Layering, function: FunctionId) -> Iterator[Taken]:
    """Every place that uses a function of the project by its name or as a value."""
    project = layering.index.project
    scope = project.scope(function)
    owner = project.owning_class(function)
    seen: set[Ref] = set()
    for taken in _all(layering, function, scope.name, owner):
        place = taken.call or taken.ref
        if place not in seen and (taken.call or taken.decorates or use(layering.index, taken.ref) is not None):
            seen.add(place)
            yield taken


def _all(layering: Layering, function: FunctionId, name: str, owner: ClassId | None) -> Iterator[Taken]:
    if owner is not None and name in _MADE:
        yield from _constructions(layering, owner, function)
    elif owner is not None and name in _ENTERED:
        yield from _entered(layering, owner)
    elif owner is not None and name == "__call__":
        yield from _called_objects(layering, function)
    else:
        yield from _taken_off(layering, function, name)
        if owner is None and name:
            yield from _named(layering, function, name)
    for ref, callee in layering.by_value.get(function, ()):
        yield Taken(ref, ref, callee.receiver is not None, callee.grade, by_value=True)


def _taken_off(layering: Layering, function: FunctionId, name: str) -> Iterator[Taken]:
    """`object.method`, `module.function`, `getattr(object, "method")`; a property is called by taking it."""
    index = layering.index
    for site in sites(index, name) if name else ():
        if site.name is not None and ("const", "str", name) not in index.values(site.name):
            continue
        for value, evidence in index.values(site.receiver).items():
            if _gives(layering, value, name, function):
                bound = value[0] in ("inst", "self", "super", "enum")
                yield Taken(site.ref, _calling(layering, site.ref), bound, Grade(evidence.grade))
                break


def _gives(layering: Layering, value: Value, name: str, function: FunctionId) -> bool:
    """Whether an attribute of a value is that function."""
    index, project = layering.index, layering.index.project
    if value[0] == "mod":
        return ("fn", function) in index.member(value[1], name)
    if value[0] not in ("inst", "self", "cls", "selfcls", "enum", "super"):
        return False
    after = value[1] if value[0] == "super" else None
    found = index.classes.lookup(value[1], name, after=after)
    defined = project.definition(function)
    return defined is not None and found is not None and defined in found[1]


def _calling(layering: Layering, ref: Ref) -> Ref | None:
    """The call whose callee a node is."""
    project = layering.index.project
    for user in layering.index.uses(ref):
        node = project.node(user)
        if node[0] == "call" and user[0] == ref[0] and ref[1] not in node[2]:
            return user
    return None


def _named(layering: Layering, function: FunctionId, name: str) -> Iterator[Taken]:
    project = layering.index.project
    for called in (name, *sorted(project.aliases.get(name, ()))):
        for ref in dict.fromkeys((*project.calls(called), *project.mentions(called))):
            node = project.node(ref)
            for number in (node[1], *node[2], *(value for _, value in node[3])):
                load = (ref[0], number)
                if project.node(load)[0] in ("free", "local") and _is(layering, load, function):
                    yield Taken(load if number != node[1] else ref, ref if number == node[1] else None)
    for definition in project.decorations:
        scope = project.scope((definition[0], project.node(definition)[1]))
        for decorator in scope.decorators:
            load = (definition[0], decorator)
            if project.last_name(load) in (name, *project.aliases.get(name, ())) and _is(layering, load, function):
                yield Taken(load, None, grade=Grade.PROBABLE, decorates=True)


def _is(layering: Layering, ref: Ref, function: FunctionId) -> bool:
    """Whether an expression is the function, also as its decorators left it."""
    return any(value[:2] in (("fn", function), ("decorated", function)) for value in layering.index.values(ref))


def _constructions(layering: Layering, owner: ClassId, function: FunctionId) -> Iterator[Taken]:
    index, project = layering.index, layering.index.project
    for cls in sorted(index.subclasses(owner)):
        found = index.classes.lookup(cls, project.scope(function).name)
        if not found or project.definition(function) not in found[1]:
            continue
        name = project.scope(cls).name
        for called in (name, *sorted(project.aliases.get(name, ()))):
            for ref in project.calls(called):
                if cls in index.type_objects((ref[0], project.node(ref)[1])):
                    yield Taken(ref, ref, bound=True)


def _entered(layering: Layering, owner: ClassId) -> Iterator[Taken]:
    index = layering.index
    classes = index.subclasses(owner)
    for name, module in index.project.modules.items():
        for node in module.facts.nodes:
            if node[0] == "enter" and classes & set(index.classes_of((name, node[1]))):
                yield Taken((name, node[1]), (name, node[1]), bound=True)


def _called_objects(layering: Layering, function: FunctionId) -> Iterator[Taken]:
    index = layering.index
    for ref in index.project.all_calls:
        for callee in index.callees(ref):
            if callee.function == function:
                yield Taken(ref, ref, bound=True, grade=callee.grade)
