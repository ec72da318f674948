"""Evidence: what a test hands to a layer says nothing about the program."""

from __future__ import annotations

from dataclasses import replace

from governance.contract import Ref, Violation
from governance.contracts.layers.anchors import Targets
from governance.contracts.layers.dependence import Dependence, argument, dependence
from governance.contracts.layers.layering import Layering
from governance.contracts.layers.receivers import along, of_values
from governance.contracts.layers.takers import takers
from governance.findings import Grade


def of_program(
    layering: Layering, targets: Targets, violation: Violation, receiver: Ref | None, name: str
) -> Violation | None:
    """The violation as far as the program itself proves it: as it is, `possible`, or None.

    The chain of a violation is one derivation; if that one leads through modules outside of the program, the other
    callers of the function are asked.
    """
    if not any(step.ref is not None and layering.is_outside(step.ref[0]) for step in violation.chain):
        return violation
    on = dependence(layering, receiver) if receiver is not None else None
    if on is None:
        return replace(violation, grade=min(violation.grade, Grade.POSSIBLE))
    grade = _given(layering, targets, on, name, violation.subject, 3)
    return None if grade is None else replace(violation, grade=min(violation.grade, grade))


def _given(layering: Layering, targets: Targets, on: Dependence, name: str, subject: str, depth: int) -> Grade | None:
    """How certain it is that a caller in the program gives an object whose method of that name is `subject`."""
    index = layering.index
    best: Grade | None = None
    for taken in takers(layering, on.function):
        if layering.is_outside(taken.ref[0]):
            continue
        given = argument(layering, on, taken)
        if given is None:
            best = max(best or Grade.POSSIBLE, Grade.POSSIBLE)
            continue
        further = dependence(layering, given, on.path)
        if further is not None and depth:
            found = _given(layering, targets, further, name, subject, depth - 1)
        else:
            values = {value: Grade(each.grade) for value, each in index.values(given).items()}
            reached = of_values(layering, targets, along(layering, values, on.path), name)
            grades = [each.grade for each in reached if index.project.symbol(each.function) == subject]
            found = max(grades, default=None)
        if found is not None:
            best = max(best or found, found)
    return best
