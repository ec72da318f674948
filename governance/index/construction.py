"""Construction: what is handed to a class as it is called, there or by something that it is handed to."""

from __future__ import annotations

from governance.facts import Node
from governance.index import arguments
from governance.index.solver import Evidence, Solver
from governance.index.values import ClassId, Value


def construct(solver: Solver, module: str, node: Node, value: Value, grade: int) -> None:
    """The arguments of a call become what the constructor of a class, or its fields, get."""
    cls = value[1]
    for name in ("__init__", "__new__"):
        found = solver.classes.lookup(cls, name)
        for ref in found[1] if found else ():
            inner = solver.project.node(ref)
            if inner[0] == "function":
                arguments.give(solver, module, node, (ref[0], inner[1]), ("inst", cls, ()), grade)
    if solver.classes.lookup(cls, "__init__") is None:
        fill(solver, module, node, cls, node[2], grade)


def fill(solver: Solver, module: str, node: Node, cls: ClassId, positional: list[int], grade: int) -> None:
    """The arguments of a call become the fields of a dataclass."""
    fields = solver.classes.fields(cls) if solver.classes.is_dataclass(cls) else []
    pairs = list(zip(fields, positional, strict=False))
    pairs += [(name, argument) for name, argument in node[3] if name in fields]
    for name, argument in pairs:
        for inner_value, evidence in solver.get(("n", module, argument)).items():
            solver.contribute(
                ("attr", cls, name),
                inner_value,
                Evidence(min(grade, evidence.grade), "constructor argument", ("n", module, argument), inner_value),
            )
