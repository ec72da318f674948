"""Spoken statuses: every place in route modules at which a status is given, helpers followed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from governance.contract import Ref, Trail
from governance.contracts.boundary_errors.answers import STATUS_NAMES, Answer, answer, handed, made_in, parameter_of
from governance.contracts.boundary_errors.statuses import since_made, statuses
from governance.contracts.boundary_errors.territory import Territory
from governance.findings import Grade
from governance.index import Index
from governance.index.callees import Callee
from governance.index.values import FunctionId, class_of

_DEPTH: Final = 4

Steps: TypeAlias = "list[tuple[Ref, FunctionId]]"

STORES: Final = frozenset(("status_code", "status", "_status_code"))
_TUPLES_ARE_ANSWERS: Final = ("flask", "quart", "connexion", "ninja")


@dataclass(frozen=True, slots=True)
class Spoken:
    """One status, given at one place."""

    at: Ref
    number: int
    text: str
    grade: Grade
    chain: tuple[Trail, ...] = ()


def spoken(index: Index, territory: Territory) -> Iterator[Spoken]:
    """Every status that is known, in the modules of the boundary."""
    for module in territory.route_modules:
        facts = index.project.modules[module].facts
        for number, node in enumerate(facts.nodes):
            ref = (module, number)
            if node[0] == "call":
                yield from _call(index, territory, ref)
            elif node[0] == "store_attr" and node[2] in STORES and _is_response(index, (module, node[1])):
                for status, grade in statuses(index, (module, node[3])).items():
                    yield Spoken(ref, status, f"{index.project.text((module, node[1]))}.{node[2]} is set", grade)
    for function, decorator in territory.routes.items():
        yield from _declared(index, function, decorator)
        yield from _decorated(index, territory, function)
        yield from _tuples(index, function, decorator)
    for handler in territory.handlers:
        if territory.in_routes(handler.function[0]):
            yield from _tuples(index, handler.function, handler.at)


def _call(index: Index, territory: Territory, call: Ref) -> Iterator[Spoken]:
    made = answer(index, call)
    if made is not None:
        for status, grade in _numbers(index, made, index.project.owner(call)):
            yield Spoken(call, status, f"{made.name} is made", grade)
        return
    for callee in index.callees(call):
        bound = callee.receiver is not None
        for inner, trail in answers_of(index, callee.function):
            outside = not territory.in_routes(inner.at[0])
            for option in _options(index, inner, callee.function, call):
                for status, grade in statuses(index, option).items():
                    text = f"{index.project.text(call)} makes {inner.name}"
                    yield Spoken(
                        call, status, text, min(grade, callee.grade), (Trail(f"{inner.name} is made", inner.at),)
                    )
            for ref in inner.status:
                meant = _of_closure(index, _of_receiver(index, ref, call, callee), call, callee.function)
                for each in _seen_from(index, trail, meant, call, bound=bound):
                    if _told_elsewhere(index, territory, each, call, trail):
                        continue
                    for status, grade in statuses(index, each).items():
                        chain = tuple(Trail(f"{index.project.text(step)} is called", step) for step, _ in trail[1:])
                        here = Trail(f"{inner.name} is made", inner.at)
                        text = f"{index.project.text(call)} makes {inner.name}"
                        yield Spoken(call, status, text, min(grade, callee.grade), (*chain, here))
            if outside and not inner.status and inner.fixed is not None:
                text = f"{index.project.text(call)} makes {inner.name}"
                yield Spoken(call, inner.fixed, text, callee.grade, (Trail(f"{inner.name} is made", inner.at),))


def _options(index: Index, made: Answer, function: FunctionId, call: Ref) -> list[Ref]:
    """The statuses among the keywords that a call hands on through `**options`."""
    params = index.project.scope(function).params
    positions = {parameter_of(index, function, ref) for ref in made.spread}
    if not any(position is not None and params[position].kind == "kwarg" for position in positions):
        return []
    own = {param.name for param in params}
    given = index.project.node(call)[3]
    return [(call[0], value) for name, value in given if name in STATUS_NAMES and name not in own]


def _told_elsewhere(index: Index, territory: Territory, status: Ref, call: Ref, steps: Steps) -> bool:
    """Whether a status stands in another function of the boundary, where it is told; defaults stand for the call."""
    owner = index.project.owner(status)
    if not territory.in_routes(status[0]) or owner == index.project.owner(call):
        return False
    if index.project.scope(owner).kind == "class":
        return False
    scopes = [(function, index.project.scope(function)) for _, function in steps]
    return status not in [(function[0], param.default) for function, scope in scopes for param in scope.params]


def answers_of(index: Index, function: FunctionId) -> Iterator[tuple[Answer, Steps]]:
    """The answers a function makes, with the calls that lead there: [(call, function called)], the function first."""
    start: Steps = [((function[0], -1), function)]
    yield from _answers_of(index, function, start, _DEPTH, {function})


def _answers_of(
    index: Index, function: FunctionId, steps: Steps, depth: int, seen: set[FunctionId]
) -> Iterator[tuple[Answer, Steps]]:
    for made in made_in(index, function):
        yield made, steps
    if depth == 0:
        return
    for number in index.project.calls_in(function):
        for callee in index.callees((function[0], number)):
            if callee.function not in seen and callee.grade >= Grade.PROBABLE:
                seen.add(callee.function)
                further = [*steps, ((function[0], number), callee.function)]
                yield from _answers_of(index, callee.function, further, depth - 1, seen)


def _of_receiver(index: Index, ref: Ref, call: Ref, callee: Callee) -> Ref:
    """An attribute of `self` in a method, as the receiver of the call was made with it, or as its class says it."""
    cls = class_of(callee.receiver) if callee.receiver is not None else None
    node = index.project.node(ref)
    method = index.project.node((call[0], index.project.node(call)[1]))
    if node[0] == "attr" and method[0] == "attr" and parameter_of(index, callee.function, (ref[0], node[1])) == 0:
        made = since_made(index, (call[0], method[1]), node[2]) if callee.receiver is not None else None
        if made is not None:
            return made
    owner = index.project.owning_class(index.project.owner(ref))
    if cls is None or cls == owner or owner not in index.mro(cls) or node[0] != "attr" or index.attribute(cls, node[2]):
        return ref
    base = (ref[0], node[1])
    bound = index.classes.lookup(cls, node[2])
    own = parameter_of(index, index.project.owner(ref), base) == 0 and bound is not None and len(bound[1]) == 1
    return bound[1][0] if own and bound is not None else ref


def _of_closure(index: Index, ref: Ref, call: Ref, function: FunctionId) -> Ref:
    """A parameter of the function around the one that is called, as the call that made that one gave it."""
    for outer in index.project.enclosing(function):
        if outer == function or outer[1] == 0 or parameter_of(index, outer, ref) is None:
            continue
        made = {site for site in index.names.resolve((call[0], index.project.node(call)[1])) if site[0] == "node"}
        if len(made) != 1:
            return ref
        _, module, number = made.pop()
        if any(each.function == outer for each in index.runs((module, index.project.node((module, number))[1]))):
            return handed(index, outer, ref, (module, number), index.project.node((module, number)), bound=False)[0]
    return ref


def _seen_from(index: Index, steps: Steps, ref: Ref, call: Ref, *, bound: bool) -> list[Ref]:
    """An expression of the innermost function, handed in through every call on the way."""
    refs = [ref]
    for position in range(len(steps) - 1, -1, -1):
        outer, function = steps[position]
        site = call if position == 0 else outer
        node = index.project.node(site)
        is_bound = bound if position == 0 else index.project.owning_class(function) is not None
        refs = [each for one in refs for each in handed(index, function, one, site, node, bound=is_bound)]
    return refs


def _numbers(index: Index, made: Answer, function: FunctionId) -> Iterator[tuple[int, Grade]]:
    """The statuses an answer is sure to be given here; what a parameter brings is told where it is handed over."""
    for ref in made.status:
        if parameter_of(index, function, ref) is None:
            yield from statuses(index, ref).items()
    if not made.status and made.fixed is not None:
        yield made.fixed, Grade.DEFINITE


def _is_response(index: Index, base: Ref) -> bool:
    """Whether an object whose status is set can be a response: not one of the project's own plain classes."""
    values = index.values(base)
    if not values:
        return (index.project.last_name(base) or "").lower().endswith(("response", "resp", "reply", "answer"))
    return any(
        value[0] in ("xinst", "xmeth", "ext")
        or (value[0] in ("inst", "self") and any("Response" in each for each in index.external_bases(value[1])))
        for value in values
    )


def _declared(index: Index, function: FunctionId, decorator: Ref) -> Iterator[Spoken]:
    """`@router.get("/x", status_code=503)`."""
    for name, value in index.project.node(decorator)[3]:
        if name == "status_code":
            for status, grade in statuses(index, (decorator[0], value)).items():
                yield Spoken(decorator, status, f"{index.project.qualname(function)} is declared", grade)


def _decorated(index: Index, territory: Territory, function: FunctionId) -> Iterator[Spoken]:
    """What a decorator of a route, written elsewhere and put on without a call, answers with."""
    for number in index.project.scope(function).decorators:
        ref = (function[0], number)
        for callee in index.runs(ref) if index.project.node(ref)[0] != "call" else ():
            for inner, _ in answers_of(index, callee.function):
                if territory.in_routes(inner.at[0]):
                    continue
                for status, grade in _numbers(index, inner, callee.function):
                    text = f"{index.project.text(ref)} makes {inner.name}"
                    chain = (Trail(f"{inner.name} is made", inner.at),)
                    yield Spoken(ref, status, text, min(grade, callee.grade), chain)


def _tuples(index: Index, function: FunctionId, decorator: Ref) -> Iterator[Spoken]:
    """`return body, 500`: an answer in some frameworks, a list of two in others."""
    facts = index.project.modules[function[0]].facts
    for result in facts.scopes[function[1]].results:
        for number in tuple_answers(index, (function[0], result)):
            for status, grade in statuses(index, (function[0], number)).items():
                sure = tuples_answer(index, decorator)
                text = f"{index.project.qualname(function)} returns a body with a status"
                yield Spoken((function[0], result), status, text, grade if sure else min(grade, Grade.POSSIBLE))


def tuples_answer(index: Index, decorator: Ref) -> bool:
    """Whether the framework of a route takes `body, status` for an answer."""
    node = index.project.node(decorator)
    callee = index.project.node((decorator[0], node[1])) if node[0] == "call" else node
    if callee[0] != "attr":
        return False
    return any(
        str(value[1]).partition(".")[0] in _TUPLES_ARE_ANSWERS
        for value in index.values((decorator[0], callee[1]))
        if value[0] == "xinst"
    )


def tuple_answers(index: Index, ref: Ref) -> list[int]:
    """The node of the status in every `body, status[, headers]` an expression may be, in its own module."""
    module, number = ref
    node = index.project.node(ref)
    if node[0] == "local" and node[2] >= 0:
        return tuple_answers(index, (module, node[2]))
    if node[0] == "phi":
        return [found for each in node[1] if each != number for found in _of_tuple(index, module, each)]
    if node[0] == "ifexp":
        return [*tuple_answers(index, (module, node[2])), *tuple_answers(index, (module, node[3]))]
    return _of_tuple(index, module, number)


def _of_tuple(index: Index, module: str, number: int) -> list[int]:
    node = index.project.node((module, number))
    return [node[1][1]] if node[0] == "tuple" and len(node[1]) in (2, 3) else []
