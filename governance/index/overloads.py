"""Overloads: which declaration of an overloaded function is the one for a call."""

from __future__ import annotations

from governance.facts import Node
from governance.index.binding import bind
from governance.index.solver import Answer, Solver
from governance.index.values import FunctionId, Key, Value, last_part


def chosen(solver: Solver, module: str, node: Node, function: FunctionId, bound: bool) -> FunctionId:
    """The overload whose declared parameters take the arguments of a call, if it is the only one; else the function.

    A constant is told apart by `Literal[...]`, an object by its class.
    """
    project = solver.project
    name, parent = project.scope(function).name, project.scope(function).parent
    siblings = project.children((function[0], parent), name) if name and parent >= 0 else []
    if len(siblings) < 2:
        return function
    overloads = [each for each in siblings if _is_overload(solver, each)]
    fitting = [each for each in overloads if _fits(solver, module, node, each, bound)]
    return fitting[0] if len(fitting) == 1 and len(overloads) > 1 else function


def _is_overload(solver: Solver, function: FunctionId) -> bool:
    scope = solver.project.scope(function)
    return any(
        last_part(dotted) == "overload"
        for decorator in scope.decorators
        for dotted in solver.names.dotted((function[0], decorator))
    )


def _fits(solver: Solver, module: str, node: Node, overload: FunctionId, bound: bool) -> bool:
    scope = solver.project.scope(overload)
    for index, argument in bind(scope, node, bound):
        annotation = scope.params[index].annotation
        declared = dict(solver.get(("t", overload[0], annotation, ()))) if annotation >= 0 else {}
        key: Key = ("n", module, argument)
        given = solver.get(key)
        if declared and given and not any(_takes(solver, declared, each) for each in given):
            return False
    return True


def _takes(solver: Solver, declared: Answer, value: Value) -> bool:
    """Whether a parameter that is declared so may be given a value; what is not understood may be."""
    if value[0] == "const":
        constants = [each for each in declared if each[0] == "const"]
        return value in constants or len(constants) < len(declared)
    if value[0] == "inst" and all(each[0] in ("inst", "const") for each in declared):
        line = solver.classes.mro(value[1])
        return any(each[0] == "inst" and each[1] in line for each in declared)
    return True
