"""Leaks: the places in route modules at which exception text goes into an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Ref, Trail
from governance.contracts.boundary_errors.answers import BODY_ATTRIBUTES, Answer, answer, made_in
from governance.contracts.boundary_errors.exception_objects import NO_MARKS, OBJECT, Marks
from governance.contracts.boundary_errors.exception_text import ExceptionText
from governance.contracts.boundary_errors.territory import Territory
from governance.findings import Grade
from governance.index import Index
from governance.index.values import FunctionId

_SENDING: Final = frozenset(("send_text", "send_json", "send_bytes"))
_DEPTH: Final = 4


@dataclass(frozen=True, slots=True)
class Leak:
    """Exception text in an answer made or returned at `at`, taken at `source`."""

    at: Ref
    text: str
    source: Ref
    grade: Grade = Grade.DEFINITE

    def chain(self, index: Index) -> tuple[Trail, ...]:
        """Where the text comes from."""
        return (Trail(f"{index.project.text(self.source)} is the text of an exception", self.source),)


def leaks(index: Index, territory: Territory, texts: ExceptionText) -> Iterator[Leak]:
    """Every leak, one per place."""
    marked = _handler_marks(index, territory)
    seen: set[Ref] = set()
    for leak in _all(index, territory, texts, marked):
        if leak.at not in seen:
            seen.add(leak.at)
            yield leak


def _all(
    index: Index, territory: Territory, texts: ExceptionText, marked: dict[FunctionId, Marks]
) -> Iterator[Leak]:  # fmt: skip
    for module in territory.route_modules:
        facts = index.project.modules[module].facts
        for number, node in enumerate(facts.nodes):
            ref = (module, number)
            marks = marked.get((module, facts.owner[number]), NO_MARKS)
            if node[0] == "call":
                yield from _call(index, territory, texts, ref, marks)
            elif node[0] == "store_attr" and node[2] in BODY_ATTRIBUTES:
                source = texts.carried((module, node[3]), marks)
                if source is not None and _is_answer(index, (module, node[1])):
                    yield Leak(ref, f"{index.project.text((module, node[1]))}.{node[2]} is set to", source)
    yield from _decorators(index, territory, texts)
    for function in [*territory.routes, *(function for function in marked if territory.in_routes(function[0]))]:
        marks = marked.get(function, NO_MARKS)
        scope = index.project.scope(function)
        for number in (*scope.results, *scope.yields):
            ref = (function[0], number)
            if not _has_own_leak(index, territory, texts, ref, marks):
                source = texts.source(ref, marks)
                if source is not None:
                    yield Leak(ref, f"{index.project.qualname(function)} returns", source)


def _decorators(index: Index, territory: Territory, texts: ExceptionText) -> Iterator[Leak]:
    """What a decorator of a route, written elsewhere and put on without a call, puts into the answers it makes."""
    for route in territory.routes:
        for number in index.project.scope(route).decorators:
            ref = (route[0], number)
            for callee in index.runs(ref) if index.project.node(ref)[0] != "call" else ():
                source = _inside(index, territory, texts, callee.function, NO_MARKS, _DEPTH)
                if source is not None:
                    yield Leak(ref, f"{index.project.text(ref)} puts into an answer", source)


def _has_own_leak(index: Index, territory: Territory, texts: ExceptionText, ref: Ref, marks: Marks) -> bool:
    """Whether what is returned is an answer that is told where it is made."""
    node = index.project.node(ref)
    for _ in range(6):
        if node[0] == "local" and node[2] >= 0:
            ref = (ref[0], node[2])
        elif node[0] in ("await", "narrow"):
            ref = (ref[0], node[1])
        else:
            break
        node = index.project.node(ref)
    if node[0] in ("phi", "ifexp"):
        branches = [(ref[0], each) for each in (node[1] if node[0] == "phi" else node[2:4])]
        return all(
            _has_own_leak(index, territory, texts, each, marks) or texts.source(each, marks) is None
            for each in branches
        )
    if node[0] != "call":
        return False
    return any(True for _ in _call(index, territory, texts, ref, marks)) or _told_inside(index, territory, texts, ref)


def _told_inside(index: Index, territory: Territory, texts: ExceptionText, call: Ref) -> bool:
    """Whether what a call gives are answers that functions of the boundary make, and are told of there."""
    results = [
        ((callee.function[0], result), index.project.node((callee.function[0], result)))
        for callee in index.callees(call)
        for result in index.project.scope(callee.function).results
    ]
    return bool(results) and all(
        territory.in_routes(ref[0])
        and node[0] == "call"
        and any(True for _ in _call(index, territory, texts, ref, NO_MARKS))
        for ref, node in results
    )


def _is_answer(index: Index, base: Ref) -> bool:
    values = index.values(base)
    return any(value[0] == "xinst" and "Response" in value[1] for value in values) or any(
        "Response" in each for value in values if value[0] == "inst" for each in index.external_bases(value[1])
    )


def _call(index: Index, territory: Territory, texts: ExceptionText, call: Ref, marks: Marks) -> Iterator[Leak]:
    node = index.project.node(call)
    made = answer(index, call)
    if made is not None:
        source = _carried(index, texts, made, marks)
        if source is not None:
            yield Leak(call, f"{made.name} is given", source)
            return
        source = next((each for header in made.headers if (each := texts.carried(header, marks)) is not None), None)
        if source is not None:
            yield Leak(call, f"{made.name} is given, in a header,", source, Grade.POSSIBLE)
        return
    method = index.project.node((call[0], node[1]))
    if method[0] == "attr" and method[2] in _SENDING:
        for argument in (*node[2], *(value for _, value in node[3])):
            source = texts.carried((call[0], argument), marks)
            if source is not None:
                yield Leak(call, f"{index.project.text((call[0], node[1]))} is given", source)
                return
    for callee in index.callees(call):
        if callee.function in texts.cleaning:
            continue
        given = texts.handed(callee.function, node, call[0], callee.receiver is not None, marks)
        source = _inside(index, territory, texts, callee.function, given, _DEPTH)
        if source is not None:
            yield Leak(call, f"{index.project.text(call)} puts into an answer", source, callee.grade)
            return


def _carried(index: Index, texts: ExceptionText, made: Answer, marks: Marks) -> Ref | None:
    """The source of exception text in the body of an answer, as its own constructor puts that together."""
    found = [source for body in made.bodies if (source := texts.carried(body, marks)) is not None]
    if found or made.inside is None:
        return found[0] if found else None
    init, bodies = made.inside
    given = texts.handed(init, index.project.node(made.at), made.at[0], True, marks)
    return next((source for body in bodies if (source := texts.carried(body, given)) is not None), None)


def _inside(
    index: Index, territory: Territory, texts: ExceptionText, function: FunctionId, marks: Marks, depth: int
) -> Ref | None:  # fmt: skip
    """The source of what a called function puts into the answers it makes itself; each question is looked into once."""
    key = (function, marks, depth)
    if key not in texts.inside:
        texts.inside[key] = None  # what a function that leads back to itself adds
        texts.inside[key] = _looked_into(index, territory, texts, function, marks, depth)
    return texts.inside[key]


def _looked_into(
    index: Index, territory: Territory, texts: ExceptionText, function: FunctionId, marks: Marks, depth: int
) -> Ref | None:  # fmt: skip
    outside = not territory.in_routes(function[0])
    if not marks and not outside:
        return None  # what it leaks of its own accord is told there
    for made in made_in(index, function):
        source = _carried(index, texts, made, marks)
        if source is not None and (outside or _carried(index, texts, made, NO_MARKS) is None):
            return source
    if depth == 0:
        return None
    for number in index.project.calls_in(function):
        node = index.project.node((function[0], number))
        for callee in index.callees((function[0], number)):
            if callee.function in texts.cleaning or callee.function == function:
                continue
            given = texts.handed(callee.function, node, function[0], callee.receiver is not None, marks)
            if given:
                source = _inside(index, territory, texts, callee.function, given, depth - 1)
                if source is not None:
                    return source
    return None


def _handler_marks(index: Index, territory: Territory) -> dict[FunctionId, Marks]:
    """Exception handlers of the application get the exception as their last parameter, annotated or not."""
    found: dict[FunctionId, Marks] = {}
    for handler in territory.handlers:
        count = len(index.project.scope(handler.function).params)
        if count:
            found[handler.function] = frozenset(((count - 1, OBJECT),))
    return found
