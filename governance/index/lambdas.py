"""Lambdas: what a parameter of a lambda is by the type that is declared for the place the lambda is written at."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.index import typing_forms
from governance.index.solver import Answer, Solver
from governance.index.values import FunctionId, Key

_NESTING: Final = 3
_DISPLAYS: Final = frozenset(("dict", "list", "set", "tuple", "ifexp", "or"))


def declared(solver: Solver, function: FunctionId, index: int, out: Answer) -> None:
    """`RULES: dict[str, Callable[[Job], bool]] = {"late": lambda job: ...}`: the parameter is a Job."""
    for key in _types(solver, (function[0], solver.project.scope(function).node), _NESTING):
        for value in solver.get(key):
            if value[0] == "callable" and len(value) > 2 and index < len(value[2]):
                typing_forms.concrete(solver, value[2][index], out, "annotation")


def _types(solver: Solver, ref: Ref, depth: int) -> list[Key]:
    """The type expressions that say what an expression is for."""
    found: list[Key] = []
    for user in solver.project.users(ref) if depth else ():
        node = solver.project.node(user)
        if node[0] == "annotated" and node[2] == ref[1]:
            found.append(("t", user[0], node[1], ()))
        elif node[0] in _DISPLAYS:
            for key in _types(solver, user, depth - 1):
                if node[0] in ("ifexp", "or"):
                    found.append(key)
                else:
                    found += [value[2][-1] for value in solver.get(key) if value[0] == "cont" and value[2]]
    return found
