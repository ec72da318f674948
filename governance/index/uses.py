"""Uses: what becomes of a reference: called, handed over, kept, returned, or only looked at."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.index.index import Index

_INSPECTION: Final = frozenset(
    """callable hasattr isinstance issubclass id repr str type print hash bool iscoroutinefunction signature getdoc
    getsource isfunction ismethod ismethoddescriptor getfullargspec unwrap get_type_hints isabstract
    isasyncgenfunction isgeneratorfunction getfile getsourcefile getsourcelines getmodule getattr_static
    markcoroutinefunction isroutine isbuiltin getcallargs""".split()
)
"""Functions that look at a function without calling it."""

_INSPECTED: Final = frozenset(
    """__name__ __qualname__ __doc__ __module__ __annotations__ __isabstractmethod__ __defaults__ __kwdefaults__
    __code__ __self__ __dict__ __signature__""".split()
)
_THROUGH: Final = frozenset(("__func__", "__call__", "__get__", "__wrapped__"))
_SAME_VALUE: Final = frozenset(("local", "phi", "narrow", "annotated", "ifexp", "and", "or"))
_LOOKED_AT: Final = frozenset(("compare", "not", "fstring", "exception", "import", "matches"))


def use(index: Index, site: Ref) -> str | None:
    """How the reference a node gives is used ("is called", "is handed to f" ...); None if it is only looked at."""
    if _outlives(index, site):
        return "is kept"
    for user in index.uses(site):
        found = _one(index, site, user)
        if found is not None:
            return found
    scope = index.project.scope(index.project.owner(site))
    if _reaches(index, site, set(scope.results) | set(scope.yields)):
        return "is returned"
    return None


def _one(index: Index, site: Ref, user: Ref) -> str | None:
    project = index.project
    node = project.node(user)
    op = node[0]
    if op == "call":
        if leads(index, (user[0], node[1]), site):
            return "is called"
        callee = project.text((user[0], node[1]))
        return None if callee.rpartition(".")[2] in _INSPECTION else f"is handed to {callee}"
    if op == "attr":
        if node[2] in _INSPECTED:
            return None
        return use(index, user) if node[2] in _THROUGH else "is used"
    if op in _LOOKED_AT:
        return None
    if op in ("store_attr", "store_item"):
        return "is kept" if leads(index, (user[0], node[-1]), site) else None
    return "is passed on"


def leads(index: Index, ref: Ref, site: Ref) -> bool:
    """Whether a node is the site, seen through local names."""
    return ref == site or _reaches(index, site, {ref[1]})


def _reaches(index: Index, site: Ref, wanted: set[int]) -> bool:
    seen = {site[1]}
    todo = [site]
    while todo:
        current = todo.pop()
        if current[1] in wanted:
            return True
        for user in index.project.users(current):
            if user[1] not in seen and index.project.node(user)[0] in _SAME_VALUE:
                seen.add(user[1])
                todo.append(user)
    return False


def _outlives(index: Index, site: Ref) -> bool:
    """Bound to a name that outlives the function's flow: a module or class attribute, or a variable of a closure."""
    facts = index.project.modules[site[0]].facts
    owner = facts.owner[site[1]]
    for number, scope in enumerate(facts.scopes):
        for name, definitions in scope.bindings.items():
            if site[1] not in definitions:
                continue
            if scope.kind in ("module", "class"):
                return True
            if number == owner and any(
                node[0] == "free" and node[1] == name and facts.owner[load] != owner
                for load, node in enumerate(facts.nodes)
            ):
                return True
    return False
