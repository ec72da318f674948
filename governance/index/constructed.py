"""Constructed objects: which expression each attribute holds right after a call has made an object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.contract import Ref
from governance.facts import Node
from governance.index.binding import bind
from governance.index.values import ClassId, FunctionId

if TYPE_CHECKING:
    from governance.index.index import Index


def held(index: Index, call: Ref) -> dict[str, Ref]:
    """Attribute -> the argument of the call, or the default, that it holds; {} if the call makes no such object.

    Fields of dataclass-like classes, and what an `__init__` stores as it comes: `self.name = name`.
    """
    project = index.project
    node = project.node(call)
    if node[0] != "call" or any(project.node((call[0], each))[0] == "star" for each in node[2]):
        return {}
    classes = index.type_objects((call[0], node[1]))
    if len(classes) != 1 or any(name is None for name, _ in node[3]):
        return {}
    cls = next(iter(classes))
    found = index.classes.lookup(cls, "__init__")
    if found is None:
        return _fields(index, call[0], node, cls) if index.classes.is_dataclass(cls) else {}
    inits = [(ref[0], int(project.node(ref)[1])) for ref in found[1] if project.node(ref)[0] == "function"]
    return _initialised(index, call[0], node, inits[0]) if len(inits) == len(found[1]) == 1 else {}


def _fields(index: Index, module: str, node: Node, cls: ClassId) -> dict[str, Ref]:
    names = index.classes.fields(cls)
    given = dict(zip(names, node[2], strict=False)) | {name: value for name, value in node[3] if name in names}
    found = {name: (module, value) for name, value in given.items()}
    for name in names:
        bound = index.classes.lookup(cls, name) if name not in found else None
        for ref in bound[1][:1] if bound else ():
            written = index.project.node(ref)
            if written[0] == "annotated" and written[2] >= 0:
                found[name] = (ref[0], written[2])
    return found


def _initialised(index: Index, module: str, node: Node, init: FunctionId) -> dict[str, Ref]:
    facts = index.project.modules[init[0]].facts
    scope = index.project.scope(init)
    given = {position: (module, argument) for position, argument in bind(scope, node, bound=True)}
    found: dict[str, Ref] = {}
    twice: set[str] = set()
    for number, stored in enumerate(facts.nodes):
        if stored[0] != "store_attr" or facts.owner[number] != init[1] or _parameter(facts.nodes, stored[1]) != 0:
            continue
        position = _parameter(facts.nodes, stored[3])
        twice |= {stored[2]} & found.keys()
        if facts.nodes[stored[3]][0] == "const":
            found[stored[2]] = (init[0], stored[3])
        elif position is not None and position in given:
            found[stored[2]] = given[position]
        elif position is not None and scope.params[position].default >= 0:
            found[stored[2]] = (init[0], scope.params[position].default)
        else:
            twice.add(stored[2])
    return {name: ref for name, ref in found.items() if name not in twice}


def _parameter(nodes: list[Node], number: int) -> int | None:
    """The number of the parameter that an expression is, as it came in."""
    node = nodes[number]
    while node[0] in ("local", "narrow", "annotated") and (following := node[1 if node[0] == "narrow" else 2]) >= 0:
        node = nodes[following]
    return int(node[2]) if node[0] == "param" else None
