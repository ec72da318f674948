"""Dependencies: what a web framework hands to a parameter that asks for it with `Depends(f)`."""

from __future__ import annotations

from governance.contract import Ref
from governance.facts import Node, Param
from governance.index.solver import Answer, Solver, add


def dependency(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """`Depends(f)`: what f returns, awaited if it is a coroutine, or what it yields."""
    if not node[2]:
        return
    asked = ("n", ref[0], node[2][0])
    for value, evidence in solver.get(asked).items():
        if value[0] == "fn" and solver.project.scope(value[1]).is_generator:
            made: Answer = {}
            solver.copy(("ret", *value[1]), made, "dependency", min(grade, evidence.grade))
            for each, reason in made.items():
                for key in each[2][:1] if each[0] == "cont" else ():
                    solver.copy(key, out, "dependency", reason.grade)
            return
    result: Answer = {}
    solver.copy(("called", *ref, 0), result, "dependency", grade)
    for value, evidence in result.items():
        if value[0] == "coro":
            solver.copy(value[1], out, "dependency", evidence.grade)
        else:
            add(out, value, evidence.grade, evidence.note, evidence.source, evidence.value)


def annotated(solver: Solver, module: str, param: Param, out: Answer) -> None:
    """`Annotated[T, Depends(f)]`: what the dependency gives."""
    node = solver.project.node((module, param.annotation))
    if node[0] != "sub":
        return
    for argument in solver.classes.arguments((module, node[2]))[1:]:
        if solver.project.node(argument)[0] == "call":
            solver.copy(("n", *argument), out, "dependency")
