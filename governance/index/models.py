"""Models: what the base class of a validation library gives its subclasses to make instances with.

`Order.model_validate(payload)`, `order.model_copy()`.
"""

from __future__ import annotations

from typing import Final

from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import ClassId, last_part

_BASES: Final = frozenset(("BaseModel", "BaseSettings", "SQLModel", "Struct"))
_MAKERS: Final = frozenset(
    """model_validate model_validate_json model_validate_strings model_construct model_copy parse_obj parse_raw from_orm
    construct copy""".split()
)


def makes(solver: Solver, cls: ClassId, name: str, grade: int, out: Answer) -> bool:
    """Whether calling an attribute, which the class inherits from outside the project, makes an instance of it."""
    definition = solver.project.definition(cls)
    if name not in _MAKERS or definition is None:
        return False
    if not any(last_part(base) in _BASES for base in solver.classes.external_bases(cls)):
        return False
    add(out, ("callable", ("row", *definition)), min(grade, PROBABLE), name)
    return True
