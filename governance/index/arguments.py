"""Arguments: what a call hands to the parameters of a project function."""

from __future__ import annotations

from typing import Final

from governance.facts import Node
from governance.index import forwarding, keywords
from governance.index.binding import bind
from governance.index.keywords import UNPACKED
from governance.index.solver import PROBABLE, Answer, Evidence, Solver
from governance.index.values import FunctionId, Key, Value

ARGUMENT: Final = "argument"


def give(
    solver: Solver,
    module: str,
    node: Node,
    function: FunctionId,
    receiver: Value | None,
    grade: int,
    skip: int = 0,
) -> None:
    scope = solver.project.scope(function)
    shown: Node = ["call", node[1], node[2][skip:], node[3]] if skip else node
    pairs = bind(scope, shown, receiver is not None)
    wrapper = forwarding.forwards(solver, module, node[1], function)
    if wrapper is not None:
        pairs = [(index, each) for index, each in pairs if not forwarding.is_own(solver, wrapper, each, index)]
    for index, argument in pairs:
        _argument(solver, function, index, ("n", module, argument), module, argument, grade)
    named = {argument: name for name, argument in shown[3] if name is not None}
    for index, argument in pairs:
        if scope.params[index].kind == "kwarg":
            solver.link(("keyword", *function, index, named[argument]), ("n", module, argument), grade, ARGUMENT)
    for position, argument in enumerate(shown[2]):
        inner = solver.project.node((module, argument))
        if inner[0] == "star" and (wrapper is None or forwarding.parameter_of(solver, wrapper, inner[1]) < 0):
            spread(solver, function, position + (receiver is not None), ("n", module, inner[1]), grade)
    taken = {index for index, _ in pairs} | ({0} if receiver is not None else set())
    for name, argument in shown[3]:
        if name is None and (wrapper is None or forwarding.parameter_of(solver, wrapper, argument) < 0):
            spread_mapping(solver, function, ("n", module, argument), taken, grade)
        elif name is None and wrapper is not None:
            _put(solver, function, ("varargs", *wrapper, forwarding.parameter_of(solver, wrapper, argument)), grade)


def _argument(
    solver: Solver, function: FunctionId, index: int, source: Key, module: str, argument: int, grade: int
) -> None:
    if solver.project.node((module, argument))[0] == "star":
        return
    param = solver.project.scope(function).params[index]
    target: Key = ("param", *function, index)
    if param.kind in ("vararg", "kwarg"):
        target = ("varargs", *function, index)
    solver.link(target, source, grade, ARGUMENT)


def _put(solver: Solver, function: FunctionId, element: Key, grade: int) -> None:
    """What a wrapper itself puts into the `**kwargs` that it hands on."""
    params = solver.project.scope(function).params
    for names, stored in keywords.put(solver, element):
        for index, param in enumerate(params):
            if param.kind in ("normal", "keyword") and param.name in names:
                solver.link(("param", *function, index), stored, min(grade, PROBABLE), ARGUMENT)


def spread(solver: Solver, function: FunctionId, position: int, source: Key, grade: int) -> None:
    """`f(*xs)`: every positional parameter from there on may get an element."""
    params = solver.project.scope(function).params
    for value, evidence in solver.get(source).items():
        if value[0] != "cont":
            continue
        for index, param in enumerate(params):
            if (index < position and param.kind != "vararg") or param.kind in ("keyword", "kwarg"):
                continue
            keys = value[2]
            if value[1] == "tuple":
                keys = value[2][index - position : index - position + 1] if param.kind != "vararg" else value[2]
            target: Key = ("varargs" if param.kind == "vararg" else "param", *function, index)
            for key in keys[:8]:
                solver.link(target, key, min(grade, evidence.grade, PROBABLE), UNPACKED)


def spread_mapping(solver: Solver, function: FunctionId, source: Key, taken: set[int], grade: int) -> None:
    """`f(**options)`: parameters by the constant keys of a literal, else every one that is not given otherwise."""
    params = solver.project.scope(function).params
    for value, evidence in solver.get(source).items():
        if value[0] != "cont" or value[1] != "dict":
            continue
        for index, param in enumerate(params):
            if param.kind in ("normal", "keyword"):
                if index in taken:
                    continue
                found: Answer = {}
                names: Answer = {}
                solver.copy(value[2][0], names)
                if names and ("const", "str", param.name) not in names:
                    continue
                key = value[2][1]
                if key[0] == "varargs":
                    source = ("keyword", *key[1:], param.name)
                    solver.link(("param", *function, index), source, min(grade, evidence.grade), UNPACKED)
                    continue
                if key[0] == "dval" and solver.project.node((key[1], key[2]))[0] == "dict":
                    for entry, item in solver.project.node((key[1], key[2]))[1]:
                        if entry >= 0 and ("const", "str", param.name) in solver.get(("n", key[1], entry)):
                            solver.copy(("n", key[1], item), found)
                    solver.copy(("mutated", key[1], key[2]), found)
                else:
                    solver.copy(key, found)
                for each, reason in found.items():
                    best = min(grade, evidence.grade, reason.grade)
                    solver.contribute(
                        ("param", *function, index), each, Evidence(best, "argument", reason.source, each)
                    )
            elif param.kind == "kwarg":
                element = value[2][1]
                more = keywords.put(solver, element) if element[0] == "varargs" else ()
                for origin in (element, *(stored for _, stored in more)):
                    solver.link(("varargs", *function, index), origin, min(grade, evidence.grade), UNPACKED)
