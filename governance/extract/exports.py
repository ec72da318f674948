"""`__all__`, where it can be read off the source."""

from __future__ import annotations

from typing import Any

from governance.extract.walk import Walk


def literal_exports(walk: Walk) -> list[str] | None:
    """The names of a literal `__all__`, later `+=`, `extend` and `append` included; None if absent or computed."""
    final = walk.scopes[0].final.get("__all__")
    if final is None or "__all__" in walk.scopes[0].rebound:
        return None
    found = _strings(walk.nodes, final)
    if found is None:
        return None
    for step in walk.scopes[0].body:
        if step[0] == "call":
            added = _added(walk.nodes, walk.nodes[step[1]])
            if added is None:
                return None
            found += added
    return found


def _strings(nodes: list[Any], number: int) -> list[str] | None:
    node = nodes[number]
    op = node[0]
    if op in ("tuple", "list"):
        items = [nodes[item] for item in node[1]]
        if all(item[:2] == ["const", "str"] for item in items):
            return [item[2] for item in items]
        return None
    if op == "annotated":
        return _strings(nodes, node[2]) if node[2] >= 0 else None
    if op == "local":
        return _strings(nodes, node[2]) if node[2] >= 0 else None
    if op in ("augmented", "binary") and node[1] == "+":
        left, right = _strings(nodes, node[2]), _strings(nodes, node[3])
        return None if left is None or right is None else left + right
    return None


def _added(nodes: list[Any], call: Any) -> list[str] | None:
    """What `__all__.append(...)` and its like add; [] for any other call, None if it cannot be told."""
    function = nodes[call[1]]
    if function[0] != "attr" or nodes[function[1]][:2] != ["local", "__all__"]:
        return []
    if len(call[2]) != 1 or call[3]:
        return None
    if function[2] == "extend":
        return _strings(nodes, call[2][0])
    value = nodes[call[2][0]]
    if function[2] == "append" and value[:2] == ["const", "str"]:
        return [value[2]]
    return None
