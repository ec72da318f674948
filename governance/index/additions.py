"""Additions: what is put into a container after it was made, wherever the container goes by one of its names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import graph
from governance.index.project import Project
from governance.index.solver import DEFINITE, Answer, Solver
from governance.index.values import Key

_ADDERS: Final = frozenset("append add appendleft put put_nowait set insert register subscribe push setdefault".split())
_EXTENDERS: Final = frozenset(("extend", "update", "extendleft", "union"))
_PUSHERS: Final = ("heappush", "heappushpop", "heapreplace", "insort", "insort_left", "insort_right")
_SITES: Final = frozenset(("elem", "dval", "dkey", "dflt", "nested"))


def rule_mutated(solver: Solver, key: Key, out: Answer) -> None:
    """("mutated", module, node): what is stored into the container made at a node after it was made; told by links.

    The same for ("nested", module, call), the containers that a defaultdict made at a call makes; and of a dictionary
    for ("entry", module, node, key), what is stored under a constant, and ("unkeyed", module, node), under other keys.
    """
    visit(solver, (key[1], key[2]))


def visit(solver: Solver, site: Ref) -> None:
    """Have every place that may add to the container made at a node tell what it adds."""
    for name in sorted(solver.project.site_names(site)):
        solver.get(("additions", name))


def rule_additions(solver: Solver, key: Key, out: Answer) -> None:
    """("additions", name): no answer: visits the places that add to what goes by that name."""
    for ref in solver.project.item_stores(key[1]):
        solver.get(("addition", *ref))
    for ref in _places(solver).get(key[1], ()):
        solver.get(("addition", *ref))


def rule_addition(solver: Solver, key: Key, out: Answer) -> None:
    """("addition", module, node): no answer: links what one place adds to the containers that it may add to."""
    _, module, number = key
    project = solver.project
    node = project.node((module, number))
    grown = node[1] if node[0] == "store_item" else _grown(project, (module, number))
    name = graph.last_name(project.modules[module].facts, grown)
    added: list[tuple[Key, str, Key]] | None = None
    for value in solver.get(("n", module, grown)):
        if value[0] != "cont":
            continue
        for kind, *site in dict.fromkeys(value[2]):
            if kind not in _SITES or name not in project.site_names((site[0], site[1])):
                continue
            if kind == "dkey":
                if node[0] == "store_item":
                    solver.link(("dkey", *site), ("n", module, node[2]), DEFINITE, "key")
                continue
            if added is None:
                added = list(_added(solver, (module, number)))
            for source, note, entry in added:
                solver.link(("nested" if kind == "nested" else "mutated", *site), source, DEFINITE, note)
                if kind == "dval":
                    solver.link((entry[0], *site, *entry[1:]), source, DEFINITE, note)


def _places(solver: Solver) -> Mapping[str, list[Ref]]:
    if solver.additions is None:
        solver.additions = by_name(solver.project)
    return solver.additions


def by_name(project: Project) -> dict[str, list[Ref]]:
    """For every last name the places that add to what goes by it, item stores aside."""
    found: defaultdict[str, list[Ref]] = defaultdict(list)
    places = [ref for ref in project.nodes("augmented") if project.node(ref)[2] >= 0]
    for method in (*_PUSHERS, *sorted(_ADDERS), *sorted(_EXTENDERS)):
        places += project.calls(method)
    for ref in places:
        grown = _grown(project, ref)
        name = graph.last_name(project.modules[ref[0]].facts, grown) if grown >= 0 else None
        if name is not None:
            found[name].append(ref)
    return dict(found)


def _grown(project: Project, ref: Ref) -> int:
    """The node of what an `x += ...`, `x.append(...)` or `heappush(x, ...)` adds to, -1 if it adds nothing."""
    node = project.node(ref)
    if node[0] == "augmented":
        return int(node[2])
    _, called, positional, keywords = node
    method = _method(project, ref)
    if method in _ADDERS or method in _EXTENDERS:
        adds = positional or (keywords and method in _EXTENDERS)
        return int(project.node((ref[0], called))[1]) if adds else -1
    name = project.last_name((ref[0], called))
    return int(positional[0]) if name in _PUSHERS and len(positional) > 1 else -1


def _method(project: Project, call: Ref) -> str:
    callee = project.node((call[0], project.node(call)[1]))
    return str(callee[2]) if callee[0] == "attr" else ""


def _added(solver: Solver, ref: Ref) -> Iterator[tuple[Key, str, Key]]:
    """What one place adds: keys, with a note, and where in a dictionary: ("entry", name) or ("unkeyed",)."""
    module = ref[0]
    node = solver.project.node(ref)
    method = _method(solver.project, ref) if node[0] == "call" else ""
    if node[0] == "store_item":
        yield ("n", module, node[3]), "stored item", _entry(solver.project.node((module, node[2])))
    elif node[0] == "augmented":
        yield from _extended(solver, ("n", module, node[3]))
    elif method in _EXTENDERS:
        for each in node[2]:
            if (display := solver.project.node((module, each)))[0] == "dict" and method == "update":
                yield from _displayed(solver, module, display)
            else:
                yield from _extended(solver, ("n", module, each))
        for name, each in node[3]:
            if name is None:
                yield from _extended(solver, ("n", module, each))
            else:
                yield ("n", module, each), "added", ("entry", ("const", "str", name))
    else:  # heappush(x, value) as well as x.append(value)
        first = solver.project.node((module, node[2][0]))
        entry = _entry(first) if method == "setdefault" else ("unkeyed",)
        yield ("n", module, node[2][-1 if method else 1]), "added", entry


def _displayed(solver: Solver, module: str, display: Node) -> Iterator[tuple[Key, str, Key]]:
    for name, value in display[1]:
        if name < 0:
            yield from _extended(solver, ("n", module, value))
        else:
            yield ("n", module, value), "added", _entry(solver.project.node((module, name)))


def _entry(node: Node) -> Key:
    return ("entry", tuple(node)) if node[0] == "const" else ("unkeyed",)


def _extended(solver: Solver, source: Key) -> Iterator[tuple[Key, str, Key]]:
    for value in solver.get(source):
        if value[0] == "cont":
            for key in value[2][1:2] if value[1] == "dict" else value[2]:
                yield key, "added", ("unkeyed",)
