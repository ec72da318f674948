"""Reads: the object whose state an expression reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.paths.known import ObjectKey
    from governance.paths.typestate import Typestate


def state_of(typestate: Typestate, number: int) -> ObjectKey | None:
    """The object whose state an expression reads: `job.state`, `job.state.value`, a local name for either."""
    for _ in range(20):
        node = typestate.node_at(number)
        if node[0] == "local" and node[2] >= 0:
            number = node[2]
        elif node[0] == "narrow" or (node[0] == "attr" and node[2] in ("value", "name")):
            number = node[1]
        elif node[0] == "attr" and node[2] == typestate.attribute and typestate.governed(node[1]):
            return typestate.key(node[1])
        elif node[0] == "call" and len(node[2]) >= 2 and typestate.called_name(node) == "getattr":
            names = typestate.index.values((typestate.module, node[2][1]))
            known = ("const", "str", typestate.attribute) in names and typestate.governed(node[2][0])
            return typestate.key(node[2][0]) if known else None
        else:
            return typestate.reads.get((typestate.module, number))
    return None
