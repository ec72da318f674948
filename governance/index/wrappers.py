"""Wrappers: what turns a function into a property, a static or class method, or a context manager."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index.solver import Answer, Solver, add
from governance.index.values import Key, last_part

WRAPPERS: Final = {
    "property": "property",
    "cached_property": "property",
    "abstractproperty": "property",
    "lazy_property": "property",
    "hybrid_property": "property",
    "computed_field": "property",
    "setter": "property",
    "getter": "property",
    "deleter": "property",
    "staticmethod": "staticmethod",
    "abstractstaticmethod": "staticmethod",
    "classmethod": "classmethod",
    "abstractclassmethod": "classmethod",
    "contextmanager": "contextmanager",
    "asynccontextmanager": "contextmanager",
}
"""By the last part of a decorator's dotted name."""


def _wrapped(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """`name = staticmethod(function)` in a class body; what is no plain function stays what it is."""
    for argument in node[2][:1]:
        source: Key = ("n", ref[0], argument)
        for kind in {WRAPPERS.get(last_part(each)) for each in solver.names.dotted((ref[0], node[1]))} - {None}:
            for value, evidence in solver.get(source).items():
                made = ("decorated", value[1], kind, None) if value[0] == "fn" else value
                add(out, made, min(grade, evidence.grade), "wrapped", source, value)


SUMMARIES: Final = {f"builtins.{name}": _wrapped for name in ("staticmethod", "classmethod", "property")}
"""By dotted name: the summary of a call, see `externals`."""
