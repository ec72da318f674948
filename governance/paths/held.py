"""Functions as values: what a parameter, an attribute or an expression holds that can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.facts import Node
from governance.index.values import ClassId, FunctionId, Value
from governance.paths import natures
from governance.paths.frames import Callables, Frame, Slot, This, Work
from governance.paths.outcomes import DEFINITE

if TYPE_CHECKING:
    from governance.paths.engine import Engine


def held_by(engine: Engine, frame: Frame, node: int) -> list[Work] | None:
    """The functions a parameter is known to hold in this activation; None for everything else."""
    name = frame.name_of(node)
    if name is None:
        return _held_by_self(frame, node)
    for scope in frame.project.enclosing(frame.function):
        works = frame.callables.get((scope, name))
        bindings = frame.project.scope(scope).bindings.get(name, ())
        if works is not None and len(bindings) <= 1:
            return list(works)
        if bindings:
            break
    return None


def _held_by_self(frame: Frame, node: int) -> list[Work] | None:
    """What a decorator that is a class keeps in an attribute."""
    fact = frame.facts.nodes[frame.origin(node)]
    owner = frame.project.owning_class(frame.function)
    if fact[0] != "attr" or owner is None or not frame.is_self(fact[1]):
        return None
    works = frame.callables.get((owner, f".{fact[2]}"))
    return list(works) if works is not None else None


def functions_in(engine: Engine, frame: Frame, node: int) -> list[Work]:
    """The functions an expression may be (lambdas, methods, partials), [] if it is none."""
    held = held_by(engine, frame, node)
    if held is not None:
        return held
    fact = frame.facts.nodes[frame.origin(node)]
    if fact[0] == "function":
        return [work_of(frame, (frame.module, fact[1]))]
    found: list[Work] = []
    for value, evidence in engine.index.values(frame.ref(node)).items():
        found += _function_value(engine, frame, node, value, evidence.grade, 3)
    return sorted(dict.fromkeys(found), key=lambda each: (each.function, repr(each.receiver)))


def _function_value(engine: Engine, frame: Frame, node: int, value: Value, grade: int, depth: int) -> list[Work]:
    if value[0] in ("fn", "bm", "decorated"):
        bound = value[2] if value[0] == "bm" else None
        function: FunctionId = value[1]
        if (
            natures.is_abstract(engine.index, function)
            and function not in engine.duty.functions | engine.trigger.functions
        ):
            return []
        fact = frame.facts.nodes[frame.origin(node)]
        this = frame.this_of(fact[1]) if bound is not None and fact[0] == "attr" else None
        return [work_of(frame, function, class_of(bound), this, grade)]
    if value[0] == "partial" and depth:
        call = engine.index.project.node((value[1], value[2]))
        if call[2] and value[1] == frame.module:
            inner = call[2][0]
            given = held_by(engine, frame, inner)
            if given is not None:
                return given
            found = [
                each
                for item, evidence in engine.index.values((value[1], inner)).items()
                for each in _function_value(engine, frame, inner, item, min(grade, evidence.grade), depth - 1)
            ]
            fact = frame.facts.nodes[frame.origin(inner)]
            return [work_of(frame, (frame.module, fact[1]))] if fact[0] == "function" else found
    return []


def handed_over(engine: Engine, frame: Frame, fact: Node) -> tuple[Work, ...]:
    """The functions among the arguments of a call that matter to the contract."""
    found: list[Work] = []
    for argument in (*fact[2], *(value for _, value in fact[3])):
        inner = frame.facts.nodes[argument]
        if inner[0] == "star":
            continue
        found.extend(work for work in functions_in(engine, frame, argument) if engine.matters(work))
    return tuple(dict.fromkeys(found))


def work_of(
    frame: Frame, function: FunctionId, receiver: ClassId | None = None, this: This | None = None, grade: int = DEFINITE
) -> Work:
    """What is known about a function that is called from a frame: the activation around it, if it is nested there."""
    parent = frame.project.scope(function).parent
    for active in frame.lexical():
        if active.function == (function[0], parent):
            return Work(function, None, None, active, _sorted(active.callables), grade)
    enclosing = set(frame.project.enclosing(function)) - {function}
    inherited = {slot: works for slot, works in frame.callables.items() if slot[0] in enclosing}
    return Work(function, receiver, this, None, _sorted(inherited), grade)


def _sorted(callables: dict[Slot, tuple[Work, ...]]) -> Callables:
    return tuple(sorted(callables.items(), key=lambda item: item[0]))


def class_of(value: Value | None) -> ClassId | None:
    """The class of a receiver, None if it has none that is known."""
    if value is not None and value[0] in ("inst", "self", "cls", "selfcls", "enum"):
        cls: ClassId = value[1]
        return cls
    return None
