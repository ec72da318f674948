"""Inherited: the container that an instance is because its class inherits from one."""

from __future__ import annotations

from governance.index.solver import Answer, Solver
from governance.index.values import Value, last_part


def containers(solver: Solver, value: Value) -> list[Value]:
    """The containers an instance is by inheritance: `class Plugins(list[Plugin])`, `class Options(TypedDict)`."""
    found: list[Value] = []
    for cls, base in solver.classes.subscripted_bases(value[1]):
        env = solver.classes.environment(value[1], value[2] if value[0] == "inst" else (), cls)
        found += [each for each in solver.get(("t", cls[0], base, env)) if each[0] == "cont" and each[2]]
    if any(last_part(each) == "TypedDict" for each in solver.classes.external_bases(value[1])):
        found.append(("cont", "dict", (("none",), ("fields", *value[1]))))
    return found


def rule_fields(solver: Solver, key: tuple[str, str, int], out: Answer) -> None:
    """("fields", module, scope): what the entries of a TypedDict are declared to be."""
    cls = (key[1], key[2])
    for name in solver.classes.fields(cls):
        written = solver.classes.annotation(cls, name)
        if written is not None:
            solver.copy(("t", *written[1], ()), out, "annotation")
