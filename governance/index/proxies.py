"""Proxies: classes whose `__getattr__` reads what they lack off another object."""

from __future__ import annotations

from governance.facts import Node
from governance.index.solver import Solver
from governance.index.values import ClassId, Key


def forwards(solver: Solver, cls: ClassId) -> list[Key]:
    """What `__getattr__` of a class reads attributes off: `return getattr(self._inner, name)`."""
    project = solver.project
    found: list[Key] = []
    proxy = solver.classes.lookup(cls, "__getattr__")
    for ref in proxy[1] if proxy else ():
        node = project.node(ref)
        for number in project.scope((ref[0], node[1])).results if node[0] == "function" else ():
            call = _origin(solver, ref[0], number)
            if call[0] != "call" or len(call[2]) < 2 or _origin(solver, ref[0], call[2][1]) != ["param", node[1], 1]:
                continue
            if "builtins.getattr" in solver.names.dotted((ref[0], call[1])):
                found.append(("n", ref[0], call[2][0]))
    return found


def _origin(solver: Solver, module: str, number: int) -> Node:
    node = solver.project.node((module, number))
    return solver.project.node((module, node[2])) if node[0] == "local" and node[2] >= 0 else node
