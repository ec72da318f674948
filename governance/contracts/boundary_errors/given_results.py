"""Given results: which expressions stand behind an element or attribute of what a call gives."""

from __future__ import annotations

from collections.abc import Container

from governance.contract import Ref
from governance.facts import Node
from governance.index import Index, constructed
from governance.index.callees import Callee
from governance.index.values import ClassId


def elements(index: Index, module: str, call: Node, position: int) -> list[tuple[Callee, Ref]] | None:
    """The elements at a position of the tuples that the functions of a call return; None if they return others."""
    project = index.project
    found: list[tuple[Callee, Ref]] = []
    for callee in index.runs((module, call[1])):
        home = callee.function[0]
        for result in project.scope(callee.function).results:
            node = project.node((home, result))
            if node[0] != "tuple" or not 0 <= position < len(node[1]):
                return None
            if any(project.node((home, each))[0] == "star" for each in node[1]):
                return None
            found.append((callee, (home, node[1][position])))
    return found or None


def attributes(
    index: Index, module: str, call: Node, name: str, classes: Container[ClassId]
) -> list[tuple[Callee, Ref]] | None:
    """What an attribute holds of the objects of some classes that the functions of a call construct and return; None
    if they return others."""
    found: list[tuple[Callee, Ref]] = []
    some = False
    for callee in index.runs((module, call[1])):
        for result in index.project.scope(callee.function).results:
            ref = (callee.function[0], result)
            held = constructed.held(index, ref)
            if not held:
                return None
            some = True
            made = index.type_objects((ref[0], index.project.node(ref)[1]))
            if name in held and any(cls in classes for cls in made):
                found.append((callee, held[name]))
    return found if some else None
