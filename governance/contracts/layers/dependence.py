"""Dependence: whether what a function uses is decided by an argument of its caller."""

from __future__ import annotations

from dataclasses import dataclass

from governance.contract import Ref
from governance.contracts.layers.layering import Layering
from governance.contracts.layers.takers import Taken
from governance.index.binding import bind
from governance.index.values import FunctionId

_LONGEST = 4
"""Attributes between a parameter and what is used, at most."""


@dataclass(frozen=True, slots=True)
class Dependence:
    """A parameter of a function, and the attributes that are taken off it."""

    function: FunctionId
    parameter: int
    path: tuple[str, ...] = ()


def dependence(layering: Layering, ref: Ref, path: tuple[str, ...] = ()) -> Dependence | None:
    """The parameter an expression is, or is an attribute of; None if it is anything else, or says what it is."""
    project, names = layering.index.project, layering.index.names
    todo = [(ref, path)]
    seen: set[Ref] = set()
    while todo:
        current, path = todo.pop()
        if current in seen or current[1] < 0 or len(path) > _LONGEST:
            continue
        seen.add(current)
        node = project.node(current)
        op = node[0]
        if op == "param":
            found = _declared(layering, (current[0], node[1]), node[2], path)
            if found is not None:
                return found
        elif op in ("local", "narrow", "await"):
            todo.append(((current[0], node[2] if op == "local" else node[1]), path))
        elif op == "attr":
            todo.append(((current[0], node[1]), (str(node[2]), *path)))
        elif op in ("or", "phi", "and"):
            todo.extend(((current[0], number), path) for number in reversed(node[1]))
        elif op == "free":
            bound = names.binding((current[0], node[2]), node[1]) or []
            todo.extend((each, path) for each in bound if len(bound) == 1 and each[0] == current[0])
    return None


def _declared(layering: Layering, function: FunctionId, index: int, path: tuple[str, ...]) -> Dependence | None:
    """None for the receiver of a method, and for a parameter whose annotation names a class of a layer."""
    project = layering.index.project
    scope = project.scope(function)
    param = scope.params[index]
    if param.kind in ("vararg", "kwarg") or (index == 0 and project.owning_class(function) is not None):
        return None
    if param.annotation >= 0:
        for value in layering.index.annotation(function[0], param.annotation):
            if value[0] == "inst" and layering.layer(value[1][0]) is not None:
                return None
    return Dependence(function, index, path)


def argument(layering: Layering, on: Dependence, taken: Taken) -> Ref | None:
    """What a call gives for the parameter; its default if nothing is given; None if that cannot be told."""
    project = layering.index.project
    if taken.call is None:
        return None
    node = project.node(taken.call)
    scope = project.scope(on.function)
    if any(project.node((taken.call[0], each))[0] == "star" for each in node[2]) or any(not key for key, _ in node[3]):
        return None
    for index, given in bind(scope, node, taken.bound):
        if index == on.parameter:
            return (taken.call[0], given)
    default = scope.params[on.parameter].default
    return (on.function[0], default) if default >= 0 else None
