"""Uses: what becomes of a reference: called, handed over, kept, returned, or only looked at."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.index import logs
from governance.index.index import Index

_INSPECTION: Final = frozenset(
    """callable hasattr isinstance issubclass id repr str type print hash bool iscoroutinefunction signature getdoc
    getsource isfunction ismethod ismethoddescriptor getfullargspec unwrap get_type_hints isabstract
    isasyncgenfunction isgeneratorfunction getfile getsourcefile getsourcelines getmodule getattr_static
    markcoroutinefunction isroutine isbuiltin getcallargs wraps update_wrapper""".split()
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
    same = _same_value(index, site)
    if _outlives(index, site, same):
        return "is kept"
    for user in index.uses(site):
        found = _one(index, site, user)
        if found is not None:
            return found
    facts = index.project.modules[site[0]].facts
    scope = facts.scopes[facts.owner[site[1]]]
    if same & {*scope.results, *scope.yields}:
        return "is returned"
    for other in facts.scopes:
        if same & set(other.decorators):
            return "is called"
        if same & {param.default for param in other.params}:
            return "is kept"
    return None


def _one(index: Index, site: Ref, user: Ref) -> str | None:
    project = index.project
    node = project.node(user)
    op = node[0]
    if op == "call":
        if leads(index, (user[0], node[1]), site):
            return "is called"
        callee = project.text((user[0], node[1]))
        name = callee.rpartition(".")[2]
        if name == "getattr" and len(node[2]) > 1 and leads(index, (user[0], node[2][0]), site):
            words = [value[2] for value in index.values((user[0], node[2][1])) if value[:2] == ("const", "str")]
            return _attribute(index, user, words[0]) if len(words) == 1 else f"is handed to {callee}"
        logger = project.node((user[0], node[1]))
        if logger[0] == "attr" and logs.is_logging(project.last_name((user[0], logger[1])), name):
            return None
        return None if name in _INSPECTION else f"is handed to {callee}"
    if op == "attr":
        return _attribute(index, user, node[2])
    if op in _LOOKED_AT:
        return None
    if op in ("store_attr", "store_item"):
        return "is kept" if leads(index, (user[0], node[-1]), site) else None
    return "is passed on"


def _attribute(index: Index, load: Ref, name: str) -> str | None:
    """An attribute of the reference: some only describe it, some are another way to call it."""
    if name in _INSPECTED:
        return None
    found = use(index, load)
    return found if name in _THROUGH or found is None else "is used"


def leads(index: Index, ref: Ref, site: Ref) -> bool:
    """Whether a node is the site, seen through local names."""
    return ref[1] in _same_value(index, site)


def _same_value(index: Index, site: Ref) -> set[int]:
    """The nodes of the module that have the value of the site, seen through local names and joins."""
    seen = {site[1]}
    todo = [site]
    while todo:
        current = todo.pop()
        for user in index.project.users(current):
            node = index.project.node(user)
            if user[1] in seen or node[0] not in _SAME_VALUE:
                continue
            if (node[0] == "narrow" and node[1] != current[1]) or (node[0] == "ifexp" and node[1] == current[1]):
                continue  # the site is what is tested
            seen.add(user[1])
            todo.append(user)
    return seen


def _outlives(index: Index, site: Ref, same: set[int]) -> bool:
    """Bound to a name that outlives the function's flow: a module or class attribute, or a variable of a closure."""
    facts = index.project.modules[site[0]].facts
    owner = facts.owner[site[1]]
    for number, scope in enumerate(facts.scopes):
        for name, definitions in scope.bindings.items():
            if same.isdisjoint(definitions):
                continue
            if scope.kind in ("module", "class"):
                return True
            if number == owner and any(
                node[0] == "free" and node[1] == name and facts.owner[load] != owner
                for load, node in enumerate(facts.nodes)
            ):
                return True
    return False
