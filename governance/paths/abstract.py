"""Abstract values: what is known of values on a path.

| value                    | meaning |
|--------------------------|---------|
| ("const", type, value)   | that constant; type "enum": value is (C, member); "sentinel": where the object is made; |
|                          | "classes": the exceptions that a decorator has been given |
| ("some",)                | not None |
| ("truthy",) ("falsy",)   | so when tested; with a second element "soft": it may have changed since |
| ("truthy", "parts", (..)) | a tuple, with what is known of its elements (None: nothing) |
| ("truthy", "fields", (..)) | an object just made: ("", ("class", C)), and (name, value) of its attributes |
| ("exception", kind)      | an exception object |
| ("exception type", kind) | its class, as `__exit__` receives it |

Nothing is known of a place without a value.
"""

from __future__ import annotations

import operator
from typing import Final

from governance.facts import Node
from governance.index.values import NONE
from governance.paths.outcomes import Abstract

TRUE: Final[Abstract] = ("const", "bool", True)
FALSE: Final[Abstract] = ("const", "bool", False)
NOTHING: Final[Abstract] = NONE
SOME: Final[Abstract] = ("some",)
PARTS: Final = "parts"
FIELDS: Final = "fields"


def constant(node: Node) -> Abstract | None:
    """The value that a literal is; None if it is none, or of a type that no test looks into."""
    known = node[0] == "const" and (node[1] == "none" or (node[1] in ("bool", "str", "int") and node[2] is not None))
    return (NOTHING if node[1] == "none" else ("const", node[1], node[2])) if known else None


def truthiness(value: Abstract | None) -> bool | None:
    """Whether a value is true when tested; None if that is not known."""
    if value is None or value == SOME:
        return None
    if value[0] == "const":
        return None if value[1] == "enum" else bool(value[2])
    return bool(value[0] != "falsy")


def is_soft(value: Abstract | None) -> bool:
    """Whether the knowledge may be out of date."""
    return value is not None and value[-1] == "soft"


def equal(one: Abstract | None, other: Abstract) -> bool | None:
    """Whether a value equals a constant; None if that is not known."""
    if one is None:
        return None
    if one[0] == "const":
        return one == other
    if other == NOTHING:
        return None if one[0] == "falsy" else False
    if one[0] in ("exception", "exception type"):
        return False
    known, wanted = truthiness(one), truthiness(other)
    return False if known is not None and wanted is not None and known != wanted else None


def ordered(op: str, one: Abstract | None, other: Abstract | None) -> bool | None:
    """How a comparison of two numbers comes out; None if they are not known."""
    if op not in _ORDERS or one is None or other is None or one[:2] != ("const", "int") or other[:2] != one[:2]:
        return None
    return bool(_ORDERS[op](one[2], other[2]))


_ORDERS: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
