"""Forwarding: wrappers that a decorator puts around what it decorates, and that hand on whatever they get.

    def timed(function):
        def wrapper(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapper

All that is decorated shares this one wrapper. What a call of one of them hands over reaches that one without it,
because a decorated name also stands for the function it was put around. Through the wrapper it would reach the others.
"""

from __future__ import annotations

from governance.facts import Node
from governance.index.decorated import applied
from governance.index.solver import Solver
from governance.index.values import FunctionId

_STEPS = 20


def forwards(solver: Solver, module: str, callee: int, function: FunctionId) -> FunctionId | None:
    """The wrapper in which a call of `callee` stands, if that was put around `function` by a decorator and is not kept
    anywhere else, where it would be the only way to the function."""
    project = solver.project
    decorators = project.scope(function).decorators
    if not decorators:
        return None
    wrapper = project.owner((module, callee))
    around = [each for each in project.enclosing(wrapper) if project.scope(each).kind == "function"]
    if len(around) < 2 or not any(
        entity[0] == "fn" and entity[1] in around[1:]
        for decorator in decorators
        for entity in solver.names.resolve(applied(solver.project, (function[0], decorator)))
    ):
        return None
    known = solver.only_returned.get(wrapper)
    if known is None:
        known = solver.only_returned[wrapper] = _only_returned(solver, wrapper)
    return wrapper if known else None


def is_own(solver: Solver, wrapper: FunctionId, node: int, index: int) -> bool:
    """Whether an argument is the wrapper's own parameter of that position, of which nothing else is said."""
    parameter = parameter_of(solver, wrapper, node)
    if parameter != index:
        return False
    param = solver.project.scope(wrapper).params[parameter]
    return param.annotation < 0 and param.default < 0


def parameter_of(solver: Solver, wrapper: FunctionId, node: int) -> int:
    """Which parameter of the wrapper an expression repeats; -1 for none."""
    found: Node = solver.project.node((wrapper[0], node))
    for _ in range(_STEPS):
        if found[0] != "local" or found[2] < 0:
            break
        found = solver.project.node((wrapper[0], found[2]))
    return int(found[2]) if found[:2] == ["param", wrapper[1]] else -1


def _only_returned(solver: Solver, wrapper: FunctionId) -> bool:
    """Whether nothing is done with a wrapper but to return it: also as `wraps(f)(wrapper)`, and with attributes set."""
    project, module = solver.project, wrapper[0]
    todo, seen = [project.scope(wrapper).node], set[int]()
    while todo:
        number = todo.pop()
        if number in seen:
            continue
        seen.add(number)
        for _, user in project.users((module, number)):
            node = project.node((module, user))
            if node[0] in ("local", "phi", "ifexp") or (node[0] == "call" and _hands_back(solver, module, node)):
                todo.append(user)
            elif node[0] != "attr" and (node[0] != "store_attr" or node[1] != number):
                return False
    return bool(seen)


def _hands_back(solver: Solver, module: str, node: Node) -> bool:
    """Whether a call is one of a function from outside the project, which looks at a wrapper or gives it back."""
    return any(True for _ in solver.names.dotted(applied(solver.project, (module, node[1]))))
