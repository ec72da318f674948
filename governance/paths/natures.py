"""Natures: what a function is, as its decorators and its body tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.index.definitions import wrapper
from governance.index.values import ClassId, FunctionId

if TYPE_CHECKING:
    from governance.index import Index
    from governance.paths.engine import Engine

HARMLESS_BASES: Final = frozenset(
    ("builtins.object", "abc.ABC", "typing.Protocol", "typing.Generic", "enum.Enum", "enum.StrEnum", "enum.IntEnum",
     "typing.NamedTuple", "typing.TypedDict", "contextlib.ContextDecorator", "contextlib.AbstractContextManager",
     "contextlib.AbstractAsyncContextManager", "typing_extensions.Protocol", "threading.Thread", "threading.local")
)  # fmt: skip
"""Bases of which nothing is inherited that runs in a method's place."""


def is_abstract(index: Index, function: FunctionId) -> bool:
    """Whether a function only stands for its overrides: its body is `...`, `pass` or `raise NotImplementedError`."""
    scope = index.project.scope(function)
    if scope.kind != "function" or index.project.owning_class(function) is None:
        return False
    for decorator in scope.decorators:
        if any(name.rpartition(".")[2].startswith("abstract") for name in index.names.dotted((function[0], decorator))):
            return True
    steps = [step for step in scope.body if step[0] not in ("bind", "attr")]
    raising = [step for step in steps if step[0] == "raise"]
    if raising and all(step[0] in ("raise", "call") for step in steps):
        names = index.project.text((function[0], raising[0][2])) if raising[0][2] >= 0 else ""
        return names.startswith("NotImplementedError")
    return not steps and index.classes.is_protocol(index.project.owning_class(function) or function)


def is_property(index: Index, function: FunctionId) -> bool:
    """Whether a method runs where an attribute is read."""
    return wrapper(index.solver, function) == "property"


def is_plain(index: Index, cls: ClassId) -> bool:
    """Whether no method of a class comes from outside the project."""
    return index.external_bases(cls) <= HARMLESS_BASES - {"threading.Thread"}


def is_static(engine: Engine, function: FunctionId) -> bool:
    """Whether a method takes no instance."""
    scope = engine.index.project.scope(function)
    return any(
        name.rpartition(".")[2] == "staticmethod"
        for decorator in scope.decorators
        for name in engine.index.names.dotted((function[0], decorator))
    )
