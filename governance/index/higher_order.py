"""Higher-order functions: a function that is passed in gets what is passed in at the same call, and at no other.

    def each(things, action):
        return [action(thing) for thing in things]

Without that, what one caller's lambda gets would also reach the lambdas of all others.
"""

from __future__ import annotations

from typing import Final

from governance.facts import Node
from governance.index.arguments import ARGUMENT
from governance.index.binding import bind
from governance.index.solver import Solver
from governance.index.values import FunctionId, Key, Value

_STEPS: Final = 20
_KEEPING: Final = frozenset(("list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"))
_PLAIN: Final = frozenset(("positional", "normal", "keyword"))


def applied(solver: Solver, module: str, node: Node, flow: Key) -> frozenset[Value]:
    """Link what a call of a parameter hands on, caller by caller; the functions for which that has been done."""
    called = solver.project.node((module, _origin(solver, module, node[1])))
    if called[0] != "param" or _spreads(solver, module, node):
        return frozenset()
    function: FunctionId = (module, called[1])
    parts = {argument: _part(solver, function, argument) for argument in (*node[2], *(each for _, each in node[3]))}
    if not any(parts.values()):
        return frozenset()
    key: Key = ("param", *function, called[2])
    solver.watched.setdefault(key, set()).add(flow)
    done: set[Value] = set()
    left: set[Value] = set()
    for source, (grade, _) in tuple(solver.sources.get(key, {}).items()):
        given = _given(solver, source, function)
        for value, evidence in solver.get(source).items():
            if given == {}:
                done.add(value)
            elif given is None or not _linked(solver, function, node, value, parts, given, min(grade, evidence.grade)):
                left.add(value)
            else:
                done.add(value)
    return frozenset(done - left)


def _linked(
    solver: Solver,
    function: FunctionId,
    node: Node,
    value: Value,
    parts: dict[int, tuple[str, int] | None],
    given: dict[int, Key],
    grade: int,
) -> bool:
    """Whether one function could be given what goes with it."""
    if value[0] not in ("fn", "bm"):
        return False
    scope = solver.project.scope(value[1])
    links: list[tuple[Key, Key]] = []
    for index, argument in bind(scope, node, value[0] == "bm"):
        if scope.params[index].kind not in _PLAIN:
            return False
        origin: Key = ("n", function[0], argument)
        part = parts[argument]
        if part is not None and part[1] in given:
            if _is_declared(solver, function, part[1]):
                links.append((("param", *value[1], index), origin))
            origin = (part[0], *given[part[1]][1:])
        links.append((("param", *value[1], index), origin))
    for target, origin in links:
        solver.link(target, origin, grade, ARGUMENT)
    return True


def _spreads(solver: Solver, module: str, call: Node) -> bool:
    starred = any(solver.project.node((module, each))[0] == "star" for each in call[2])
    return starred or any(name is None for name, _ in call[3])


def _is_declared(solver: Solver, function: FunctionId, index: int) -> bool:
    """Whether a parameter is declared to be of one class, or a container of one: what is passed need not be known."""
    annotation = solver.project.scope(function).params[index].annotation
    declared = list(solver.get(("t", function[0], annotation, ()))) if annotation >= 0 else []
    held = [each for value in declared if value[0] == "cont" for key in value[2] for each in solver.get(key)]
    found = held or declared
    return len(found) == 1 and found[0][0] == "inst"


def _given(solver: Solver, source: Key, function: FunctionId) -> dict[int, Key] | None:
    """The arguments of the call that has this one, by parameter; None if there is no such call, or more than one."""
    if source[0] != "n":
        return None
    project, module = solver.project, source[1]
    calls = [user for user in project.users((module, source[2])) if project.node(user)[0] == "call"]
    if len(calls) != 1 or project.node(calls[0])[1] == source[2]:
        return None
    call = project.node(calls[0])
    if _spreads(solver, module, call):
        return None
    bound: set[bool] = set()
    for value in solver.get(("n", module, call[1])):
        if value[:2] == ("fn", function):
            bound.add(False)
        elif value[:2] == ("bm", function) or (value[0] == "cls" and value[1] == project.owning_class(function)):
            bound.add(True)
    if not bound and not solver.get(("n", module, call[1])):
        return {}  # not known yet
    if len(bound) != 1:
        return None
    pairs = bind(project.scope(function), call, bound.pop())
    return {index: ("n", module, argument) for index, argument in pairs}


def _part(solver: Solver, function: FunctionId, argument: int) -> tuple[str, int] | None:
    """How an argument comes out of a parameter of the function: as it is ("n"), or as one of its elements ("items")."""
    module = function[0]
    origin = _origin(solver, module, argument)
    node = solver.project.node((module, origin))
    if node[:2] == ["param", function[1]]:
        return ("n", node[2])
    if node[0] != "item":
        return None
    for _ in range(_STEPS):
        source = solver.project.node((module, _origin(solver, module, node[1])))
        if source[:2] == ["param", function[1]]:
            return ("items", source[2])
        if source[0] != "call" or not source[2] or solver.project.last_name((module, source[1])) not in _KEEPING:
            return None
        node = ["item", source[2][0]]
    return None


def _origin(solver: Solver, module: str, number: int) -> int:
    """The definition that a name goes back to."""
    for _ in range(_STEPS):
        node = solver.project.node((module, number))
        following = node[2] if node[0] == "local" else node[1] if node[0] == "narrow" else -1
        if following < 0:
            break
        number = following
    return number
