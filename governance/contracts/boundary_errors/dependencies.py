"""Dependencies: the functions that a web framework calls before a route, for `Depends(...)`."""

from __future__ import annotations

from collections.abc import Iterator

from governance.contract import Ref
from governance.facts import Param
from governance.index import Index, graph
from governance.index.values import FunctionId
from governance.paths.tracked import tests

_NAMES = ("Depends", "Security")
_DEPTH = 4


def dependencies(index: Index, route: FunctionId) -> Iterator[FunctionId]:
    """The functions a route, or the router it is on, depends on, what these depend on included."""
    found: dict[FunctionId, None] = {}
    todo = [*_named(index, _of_routers(index, route[0])), *_signed(index, route)]
    while todo:
        for function in _functions(index, todo.pop()):
            if function not in found:
                found[function] = None
                todo += _signed(index, function)
    yield from found


def is_taken_as_it_is(index: Index, route: FunctionId, dependency: FunctionId) -> bool:
    """Whether a route is given what a dependency returns, and neither looks at it nor lets the project do so."""
    params = [] if index.project.scope(dependency).is_generator else index.project.scope(route).params
    given = [(route[0], param.node) for param in params if dependency in _given(index, route, param)]
    looked = _looked_at(index, route)
    calls = [use for param in given for use in index.uses(param) if index.project.node(use)[0] == "call"]
    return bool(given) and not any(param[1] in looked for param in given) and not any(map(index.callees, calls))


def _given(index: Index, route: FunctionId, param: Param) -> list[FunctionId]:
    """The functions that a parameter is given what they return of."""
    places = [(route[0], ref) for ref in (param.default, param.annotation) if ref >= 0]
    calls = [call for place in places for call in _within(index, place, _DEPTH)]
    return [function for ref in _named(index, calls) for function in _functions(index, ref)]


def _looked_at(index: Index, function: FunctionId) -> set[int]:
    """The nodes that the tests of a function are made of."""
    todo = list(tests(index.project.scope(function).body))
    seen = set(todo)
    while todo:
        for each in graph.operands(index.project.node((function[0], todo.pop()))):
            if each not in seen:
                seen.add(each)
                todo.append(each)
    return seen


def _functions(index: Index, ref: Ref) -> Iterator[FunctionId]:
    """What the framework calls for a dependency: a function, the constructor of a class, an object."""
    for value in index.values(ref):
        if value[0] in ("fn", "bm", "decorated"):
            yield value[1]
        elif value[0] in ("cls", "inst"):
            bound = index.classes.lookup(value[1], "__init__" if value[0] == "cls" else "__call__")
            for each in bound[1] if bound else ():
                if index.project.node(each)[0] == "function":
                    yield each[0], index.project.node(each)[1]


def _named(index: Index, calls: list[Ref]) -> list[Ref]:
    """What calls of `Depends` name."""
    return [(call[0], argument) for call in calls for argument in index.project.node(call)[2][:1]]


def _signed(index: Index, function: FunctionId) -> list[Ref]:
    """What a signature depends on; `Depends()` without an argument means the class that the parameter is of."""
    found = _named(index, _declared(index, function))
    for param in index.project.scope(function).params:
        if param.annotation >= 0:
            found += _meant(index, (function[0], param.annotation), _DEPTH)
        given = list(_within(index, (function[0], param.default), 0)) if param.default >= 0 else []
        if given and param.annotation >= 0 and not index.project.node(given[0])[2]:
            found.append((function[0], param.annotation))
    return found


def _meant(index: Index, ref: Ref, depth: int) -> Iterator[Ref]:
    """The class in `Annotated[Class, Depends()]`, perhaps behind a name that stands for that."""
    node = index.project.node(ref)
    if node[0] == "sub":
        parts = index.project.node((ref[0], node[2]))
        given = (
            [each for part in parts[1][1:] for each in _within(index, (ref[0], part), 0)] if parts[0] == "tuple" else []
        )
        if any(not index.project.node(each)[2] for each in given):
            yield (ref[0], parts[1][0])
    elif node[0] in ("free", "local", "attr") and depth:
        for entity in index.names.resolve(ref):
            if entity[0] == "node":
                yield from _meant(index, (entity[1], entity[2]), depth - 1)


def _of_routers(index: Index, module: str) -> list[Ref]:
    """The `Depends(...)` of a module that are in no function and no signature: of its router, of routes' decorators."""
    facts = index.project.modules[module].facts
    calls = [call for name in _NAMES for call in index.project.calls(name) if call[0] == module]
    found = [call for call in calls if facts.owner[call[1]] == 0]
    functions = [(module, number) for number, scope in enumerate(facts.scopes) if scope.kind == "function" and found]
    signed = {call for function in functions for call in _declared(index, function)}
    return [call for call in found if call not in signed]


def _declared(index: Index, function: FunctionId) -> list[Ref]:
    """The `Depends(...)` of a signature: as a default, in `Annotated[...]`, or behind a name that stands for that."""
    found: list[Ref] = []
    for param in index.project.scope(function).params:
        for number in (param.default, param.annotation):
            if number >= 0:
                found += _within(index, (function[0], number), _DEPTH)
    return found


def _within(index: Index, ref: Ref, depth: int) -> Iterator[Ref]:
    node = index.project.node(ref)
    if node[0] == "call":
        if index.project.last_name((ref[0], node[1])) in _NAMES:
            yield ref
    elif node[0] == "sub":
        yield from _within(index, (ref[0], node[2]), depth)
    elif node[0] == "tuple":
        for each in node[1]:
            yield from _within(index, (ref[0], each), depth)
    elif node[0] in ("free", "local", "attr") and depth:
        for entity in index.names.resolve(ref):
            if entity[0] == "node":
                yield from _within(index, (entity[1], entity[2]), depth - 1)
