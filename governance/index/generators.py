"""Generators: what `yield from` gives where the generator that is gone through has returned."""

from __future__ import annotations

from governance.contract import Ref
from governance.facts import Node
from governance.index.solver import Answer, Solver
from governance.index.values import FunctionId

_PARTS = 3
"""Of `Generator[yielded, sent, returned]`."""


def rule_yieldfrom(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """`x = yield from steps()`: what steps returns. A generator that was made elsewhere is known by its body."""
    made = solver.project.node((ref[0], node[1]))
    for value in solver.get(("n", ref[0], made[1])) if made[0] == "call" else ():
        if value[0] in ("fn", "bm"):
            _returned(solver, value[1], out)
    for value in solver.get(("n", ref[0], node[1])) if made[0] != "call" else ():
        for key in value[2] if value[:2] == ("cont", "seq") else ():
            if key[0] == "yields":
                _returned(solver, (key[1], key[2]), out)


def _returned(solver: Solver, generator: FunctionId, out: Answer) -> None:
    scope = solver.project.scope(generator)
    if not scope.is_generator:
        return
    written: Node = solver.project.node((generator[0], scope.returns)) if scope.returns >= 0 else ["none"]
    arguments = solver.classes.arguments((generator[0], written[2])) if written[0] == "sub" else []
    if len(arguments) == _PARTS:
        solver.copy(("t", *arguments[2], ()), out, "annotation")
    else:
        for each in scope.results:
            solver.copy(("n", generator[0], each), out, "returned")
