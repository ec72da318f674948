"""Type variables: what a call binds them to, read off the arguments whose annotated types mention them."""

from __future__ import annotations

from governance.contract import Ref
from governance.facts import Node
from governance.index.binding import bind
from governance.index.solver import Answer, Solver, add
from governance.index.values import FunctionId, Key, Value, type_object


def substitute(
    solver: Solver,
    ref: Ref,
    node: Node,
    function: FunctionId,
    receiver: Value | None,
    variable: Ref,
    grade: int,
    out: Answer,
) -> bool:
    """Find the arguments whose annotated types mention a type variable, and read its binding off them."""
    scope = solver.project.scope(function)
    found = False
    for index, argument in bind(scope, node, receiver is not None):
        annotation = scope.params[index].annotation
        if annotation < 0:
            continue
        pattern: Key = ("t", function[0], annotation, ())
        before = len(out)
        for value in solver.get(pattern):
            _unify(solver, value, ("n", ref[0], argument), variable, grade, out, 3)
        found = found or len(out) > before
    return found


def _unify(solver: Solver, pattern: Value, argument: Key, variable: Ref, grade: int, out: Answer, depth: int) -> None:
    kind = pattern[0]
    if depth == 0:
        return
    if kind == "tv" and pattern[1] == variable:
        solver.copy(argument, out, "argument", grade)
    elif kind == "tvcls" and pattern[1] == variable:
        for value, evidence in solver.get(argument).items():
            cls = type_object(value)
            if cls is not None:
                add(out, ("inst", cls, ()), min(grade, evidence.grade), "argument", argument, value)
    elif kind == "callable":
        for inner in solver.get(pattern[1]):
            if inner == ("tv", variable):
                for value, evidence in solver.get(argument).items():
                    if value[0] in ("fn", "bm"):
                        solver.copy(("ret", *value[1]), out, "result of the argument", min(grade, evidence.grade))
                    elif value[0] == "cls":
                        add(out, ("inst", value[1], ()), min(grade, evidence.grade), "argument", argument, value)
    elif kind == "cont":
        for value in solver.get(argument):
            if value[0] == "cont" and len(value[2]) == len(pattern[2]):
                for mine, theirs in zip(pattern[2], value[2], strict=True):
                    for inner in solver.get(mine):
                        _unify(solver, inner, theirs, variable, grade, out, depth - 1)
    elif kind in ("inst", "coro"):
        keys = pattern[2] if kind == "inst" else (pattern[1],)
        for value in solver.get(argument):
            theirs_all = value[2] if value[0] == "inst" else (value[1],) if value[0] == "coro" else ()
            for mine, theirs in zip(keys, theirs_all, strict=False):
                for inner in solver.get(mine):
                    _unify(solver, inner, theirs, variable, grade, out, depth - 1)
