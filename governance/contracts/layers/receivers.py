"""Receivers: which functions that count a receiver may reach by a name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from governance.contract import Ref
from governance.contracts.layers.anchors import Targets
from governance.contracts.layers.layering import Layering
from governance.findings import Grade
from governance.index.values import ClassId, FunctionId, Value

_MANY = 200


@dataclass(frozen=True, slots=True)
class Reached:
    """A function that may be reached, how certain that is, and the value of the receiver that says so."""

    function: FunctionId
    layer: int
    grade: Grade
    value: Value | None


def reached(
    layering: Layering, targets: Targets, receiver: Ref, name: str, *, path: tuple[str, ...] = (), each: bool = False
) -> tuple[Reached, ...]:
    """What `receiver.name` may be, as far as it counts; path: attributes that are taken before."""
    index = layering.index
    values = index.elements(receiver) if each else index.values(receiver)
    values = values if path else {**index.forwarded(values, name), **values}
    graded = {value: Grade(found.grade) for value, found in values.items()}
    return of_values(layering, targets, along(layering, graded, path), name)


def along(layering: Layering, values: dict[Value, Grade], path: tuple[str, ...]) -> dict[Value, Grade]:
    """What a path of attributes gives."""
    for name in path:
        values = {value: Grade(found.grade) for value, found in layering.index.loaded(values, name).items()}
    return values


def of_values(layering: Layering, targets: Targets, values: dict[Value, Grade], name: str) -> tuple[Reached, ...]:
    """The same for the values of a receiver."""
    listed = list(values.items())
    concrete = any(_is_concrete(layering, value, name) for value, _ in listed)
    found: dict[FunctionId, Reached] = {}
    for value, grade in listed:
        for function, certain in _functions(layering, value, name, concrete):
            layer = targets.layers.get(function)
            if layer is None or not _counts(layering, targets, function, value):
                continue
            best = min(grade, certain)
            if function not in found or found[function].grade < best:
                found[function] = Reached(function, layer, best, value)
    return tuple(found.values())


def _is_concrete(layering: Layering, value: Value, name: str) -> bool:
    """Whether a value is an object of a class that really defines the method, not only a declared supertype."""
    if value[0] not in ("inst", "self", "enum") or layering.index.is_protocol(value[1]):
        return False
    return bool(_looked_up(layering, value[1], name))


def _functions(layering: Layering, value: Value, name: str, concrete: bool) -> Iterable[tuple[FunctionId, Grade]]:
    index = layering.index
    kind = value[0]
    if kind == "mod":
        return [(each[1], Grade.DEFINITE) for each in index.member(value[1], name) if each[0] == "fn"]
    if kind == "super":
        line = index.mro(value[1])[1:]
        return [(each, Grade.DEFINITE) for cls in line[:1] for each in _looked_up(layering, cls, name)]
    if kind not in ("inst", "self", "cls", "selfcls"):
        return []
    cls: ClassId = value[1]
    own = _looked_up(layering, cls, name)
    found = [(each, Grade.DEFINITE) for each in own if not _is_abstract(layering, each)]
    if found or (concrete and index.is_protocol(cls)):
        return found
    return [*((each, Grade.DEFINITE) for each in own), *_implementations(layering, cls, name)]


def _implementations(layering: Layering, cls: ClassId, name: str) -> Iterable[tuple[FunctionId, Grade]]:
    """What stands behind a declared supertype: sure if every implementation belongs to one layer."""
    index = layering.index
    nominal = index.subclasses(cls) - {cls}
    structural = _structural(layering, cls) if not nominal and index.is_protocol(cls) else set()
    classes = nominal or structural
    functions = {
        each
        for sub in (classes if len(classes) <= _MANY else ())
        for each in _looked_up(layering, sub, name)
        if not _is_abstract(layering, each)
    }
    homes = {layering.layer(each[0]) for each in functions}
    grade = Grade.PROBABLE if nominal and len(homes) == 1 else Grade.POSSIBLE
    return [(each, grade) for each in sorted(functions)]


def _structural(layering: Layering, protocol: ClassId) -> set[ClassId]:
    index, project = layering.index, layering.index.project
    names = [name for name in project.scope(protocol).bindings if not name.startswith("_")]
    if not names:
        return set()
    owners = {
        owner
        for scope in project.scopes("function")
        if project.scope(scope).name == names[0] and (owner := project.owning_class(scope)) is not None
    }
    return {each for each in owners if each != protocol and index.implements(each, protocol)}


def _looked_up(layering: Layering, cls: ClassId, name: str) -> list[FunctionId]:
    found = layering.index.classes.lookup(cls, name)
    project = layering.index.project
    return [(ref[0], project.node(ref)[1]) for ref in (found[1] if found else ()) if project.node(ref)[0] == "function"]


def _is_abstract(layering: Layering, function: FunctionId) -> bool:
    project = layering.index.project
    owner = project.owning_class(function)
    if owner is not None and layering.index.is_protocol(owner):
        return True
    return any(
        (project.last_name((function[0], decorator)) or "").startswith("abstract")
        for decorator in project.scope(function).decorators
    )


def _counts(layering: Layering, targets: Targets, function: FunctionId, value: Value) -> bool:
    """An entry that is inherited from outside of the layers counts only through the class it was named by."""
    if layering.layer(function[0]) is not None or function not in targets.classes:
        return True
    return value[0] not in ("inst", "self", "cls", "selfcls") or value[1] in targets.classes[function]
