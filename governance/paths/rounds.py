"""Rounds: whether a `for` loop is sure to make one."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Block
from governance.index import Index

_DEPTH: Final = 12
_VIEWS: Final = frozenset(("items", "keys", "values"))


def one_is_sure(index: Index, module: str, head: Block) -> bool:
    """Whether a loop with this head is over a display, or a range, that is not empty."""
    nodes = index.project.modules[module].facts.nodes
    sources = [nodes[step[1]][1] for step in head if step[0] == "next"]
    return bool(sources) and _has_items(index, _written(index, (module, sources[0])))


def _has_items(index: Index, ref: Ref) -> bool:
    module, _ = ref
    node = index.project.node(ref)
    if node[0] in ("tuple", "list", "set"):
        return any(index.project.node((module, each))[0] != "star" for each in node[1])
    if node[0] == "call" and (callee := index.project.node((module, node[1])))[0] == "attr" and callee[2] in _VIEWS:
        base = index.project.node(_written(index, (module, callee[1])))
        return base[0] == "dict" and any(key >= 0 for key, _ in base[1])
    if node[0] != "call" or not node[2] or node[3] or "builtins.range" not in index.externals(ref):
        return False
    bounds = [_number(index, (module, each)) for each in node[2]]
    if len(bounds) == 1:
        return bounds[0] is not None and bounds[0] > 0
    return len(bounds) == 2 and bounds[0] is not None and bounds[1] is not None and bounds[0] < bounds[1]


def _number(index: Index, ref: Ref) -> int | None:
    """The one number that an expression is known to be; a parameter may be any."""
    if index.project.node(_written(index, ref))[0] == "param":
        return None
    values = list(index.values(ref))
    if len(values) != 1 or values[0][:2] != ("const", "int") or values[0][2] is None:
        return None
    return int(values[0][2])


def _written(index: Index, ref: Ref) -> Ref:
    """The expression a name was given, through any number of plain assignments; itself if none."""
    for _ in range(_DEPTH):
        module, _ = ref
        node = index.project.node(ref)
        if node[0] in ("local", "annotated") and node[2] >= 0:
            ref = (module, node[2])
        elif node[0] == "narrow":
            ref = (module, node[1])
        elif node[0] == "free":
            found = [each for each in index.names.binding((module, node[2]), node[1]) or () if each != ref]
            if len(found) != 1 or found[0][1] < 0:
                return ref
            ref = found[0]
        else:
            return ref
    return ref
