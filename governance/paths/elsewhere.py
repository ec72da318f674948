"""Elsewhere: functions that have what they are handed run by somebody else, and return what it returns.

`async def carry_out(self, work: Callable[[], R]) -> R` that keeps `work` for a thread of its own says by its signature
that it runs it: where else should an `R` come from? What `work` raises is taken to come out of it, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Ref
from governance.index import Index, graph
from governance.index.values import FunctionId

_CONTAINERS: Final = frozenset(("append", "appendleft", "put", "put_nowait", "add", "insert", "send"))


def kept(index: Index, function: FunctionId) -> bool:
    """Whether a function keeps a callable whose result is its own: it neither calls it nor hands it on."""
    scope = index.project.scope(function)
    if scope.returns < 0:
        return False
    result = index.project.node((function[0], scope.returns))
    if result[0] not in ("free", "local") or _is_a_type(index, (function[0], scope.returns)):
        return False
    written = [index.project.node((function[0], param.annotation)) for param in scope.params if param.annotation >= 0]
    if any(node[:2] == result[:2] for node in written):
        return False  # it may have its result from there
    for param in scope.params:
        if param.kind in ("vararg", "kwarg") or param.annotation < 0:
            continue
        if _result_of(index, (function[0], param.annotation)) == result[1]:
            uses = list(_uses(index, (function[0], param.node)))
            return bool(uses) and all(_is_put_away(index, each) for each in uses)
    return False


def _is_a_type(index: Index, annotation: Ref) -> bool:
    """Whether a name stands for a class, and so for no particular result."""
    return any(
        entity[0] == "cls" or (entity[0] == "ext" and not str(entity[1]).endswith("TypeVar"))
        for entity in index.names.resolve(annotation)
    )


def _result_of(index: Index, annotation: Ref) -> str | None:
    """The name of what a `Callable[..., R]` returns."""
    module, node = annotation[0], index.project.node(annotation)
    if node[0] != "sub" or graph.last_name(index.project.modules[module].facts, node[1]) != "Callable":
        return None
    arguments = index.project.node((module, node[2]))
    last = index.project.node((module, arguments[1][-1])) if arguments[0] == "tuple" and arguments[1] else ["none"]
    return str(last[1]) if last[0] in ("free", "local") else None


def _uses(index: Index, param: Ref) -> Iterator[Ref]:
    for each in index.project.users(param):
        yield from index.project.users(each) if index.project.node(each)[0] == "local" else (each,)


def _is_put_away(index: Index, user: Ref, depth: int = 4) -> bool:
    """Whether a use of a callable gives it to an object, or puts it into a container that the function keeps."""
    node = index.project.node(user)
    if node[0] in ("tuple", "list", "dict", "set") and depth:
        return all(_is_put_away(index, each, depth - 1) for each in index.uses(user))  # it may go through it itself
    if node[0] in ("store_attr", "store_item"):
        return True
    if node[0] != "call":
        return False
    if index.type_objects((user[0], node[1])):
        return True
    callee = index.project.node((user[0], node[1]))
    return callee[0] == "attr" and callee[2] in _CONTAINERS
