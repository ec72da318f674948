"""Stores: `x.name = v` and `setattr(x, "name", v)`, by what x may be.

Every store is one key, which says on what it stores once that is known; so a question about one class does not look at
the stores on all others.
"""

from __future__ import annotations

from governance.index.solver import DEFINITE, PROBABLE, Answer, Evidence, Solver
from governance.index.values import Key, Value, class_of, type_object


def rule_stores(solver: Solver, key: Key, out: Answer) -> None:
    """("stores", name): ("store", owner, module, node) for every node that is stored under a name on something.

    owner: a class, for its instances and for itself; ("mod", name); a namespace object.
    """
    for ref in solver.project.attr_stores(key[1]):
        solver.get(("store", *ref))
    solver.get(("setattrs",))


def rule_setattrs(solver: Solver, key: Key, out: Answer) -> None:
    """("setattrs",): no answer: visits all calls of setattr."""
    for ref in solver.project.calls("setattr"):
        solver.get(("store", *ref))


def rule_store(solver: Solver, key: Key, out: Answer) -> None:
    """("store", module, node): no answer: contributes what it stores to the names it stores under."""
    _, module, number = key
    node = solver.project.node((module, number))
    if node[0] == "store_attr":
        _found(solver, ("n", module, node[1]), node[2], (module, node[3]), DEFINITE)
    elif node[0] == "call" and len(node[2]) == 3:
        for value in solver.get(("n", module, node[2][1])):
            if value[:2] == ("const", "str"):
                _found(solver, ("n", module, node[2][0]), value[2], (module, node[2][2]), PROBABLE)


def _found(solver: Solver, base: Key, name: str, stored: tuple[str, int], best: int) -> None:
    for value, evidence in solver.get(base).items():
        owner = class_of(value) or type_object(value) or (value if value[0] in ("mod", "ns") else None)
        if owner is not None:
            grade = min(evidence.grade, best)
            solver.contribute(("stores", name), ("store", owner, *stored), Evidence(grade, "", base, value))


def copy(solver: Solver, owner: Value, name: str, out: Answer, note: str, cap: int) -> None:
    """What is stored under a name in a module or on a namespace object."""
    for value in solver.get(("stores", name)):
        if value[1] == owner:
            solver.copy(("n", *value[2:]), out, note, cap)


def rule_stored(solver: Solver, key: Key, out: Answer) -> None:
    """("attr", C, name): what is stored on instances of C, or on C itself, its bases and its subclasses."""
    _, cls, name = key
    classes = solver.classes
    line = classes.mro(cls)
    for value, evidence in solver.get(("stores", name)).items():
        owner = value[1]
        if owner in line:
            solver.copy(("n", *value[2:]), out, "stored", evidence.grade)
        elif owner[0] not in ("mod", "ns") and cls in classes.mro(owner):
            solver.copy(("n", *value[2:]), out, "stored", min(evidence.grade, PROBABLE))
    if classes.is_dataclass(cls) and name in classes.fields(cls):
        for each in line:
            solver.get(("made", *each))
