"""Additions: what is put into a container after it was made, wherever the container goes by one of its names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from governance.contract import Ref
from governance.index import graph
from governance.index.project import Project
from governance.index.solver import Answer, Solver
from governance.index.values import Key

_ADDERS: Final = frozenset("append add appendleft put put_nowait set insert register subscribe push setdefault".split())
_EXTENDERS: Final = frozenset(("extend", "update", "extendleft", "union"))
_PUSHERS: Final = ("heappush", "heappushpop", "heapreplace", "insort", "insort_left", "insort_right")
_SITES: Final = frozenset(("elem", "dval", "dkey", "dflt"))
_NESTED: Final = frozenset(("nested",))


def same_site(solver: Solver, site: Ref, base: Key, kinds: frozenset[str] = _SITES) -> bool:
    """Whether a key may be the container made at a node."""
    return any(
        value[0] == "cont" and any(key[0] in kinds and key[1:] == site for key in value[2])
        for value in solver.get(base)
    )


def rule_mutated(solver: Solver, key: Key, out: Answer) -> None:
    """("mutated", module, node): what is stored into the container made at a node after it was made."""
    _mutations(solver, (key[1], key[2]), _SITES, out)


def rule_nested(solver: Solver, key: Key, out: Answer) -> None:
    """("nested", module, call): what is stored into the containers that a defaultdict made at a call makes."""
    _mutations(solver, (key[1], key[2]), _NESTED, out)


def _places(solver: Solver) -> Mapping[str, list[tuple[str, int, int]]]:
    if solver.additions is None:
        solver.additions = by_name(solver.project)
    return solver.additions


def by_name(project: Project) -> dict[str, list[tuple[str, int, int]]]:
    """For every last name the places that add to what goes by it: (module, the adding node, the node of what grows)."""
    found: defaultdict[str, list[tuple[str, int, int]]] = defaultdict(list)

    def note(ref: Ref, grown: int) -> None:
        name = graph.last_name(project.modules[ref[0]].facts, grown)
        if name is not None:
            found[name].append((*ref, grown))

    for ref in project.nodes("augmented"):
        if project.node(ref)[2] >= 0:
            note(ref, project.node(ref)[2])
    for method in _PUSHERS:
        for ref in project.calls(method):
            if len(project.node(ref)[2]) > 1:
                note(ref, project.node(ref)[2][0])
    for method in (*_ADDERS, *_EXTENDERS):
        for ref in project.calls(method):
            _, called, positional, keywords = project.node(ref)
            callee = project.node((ref[0], called))
            if callee[0] == "attr" and (positional or (keywords and method in _EXTENDERS)):
                note(ref, callee[1])
    return dict(found)


def _mutations(solver: Solver, site: Ref, kinds: frozenset[str], out: Answer) -> None:
    project = solver.project
    for name in project.site_names(site):
        for ref in project.item_stores(name):
            node = project.node(ref)
            if same_site(solver, site, ("n", ref[0], node[1]), kinds):
                solver.copy(("n", ref[0], node[3]), out, "stored item")
        for module, number, grown in _places(solver).get(name, ()):
            if same_site(solver, site, ("n", module, grown), kinds):
                _added(solver, (module, number), out)


def _added(solver: Solver, ref: Ref, out: Answer) -> None:
    """What one place adds."""
    module = ref[0]
    node = solver.project.node(ref)
    if node[0] == "augmented":
        _extended(solver, ("n", module, node[3]), out)
        return
    callee = solver.project.node((module, node[1]))
    method = callee[2] if callee[0] == "attr" else ""
    if method not in _ADDERS and method not in _EXTENDERS:  # heappush(x, value)
        solver.copy(("n", module, node[2][1]), out, "added")
    elif method in _EXTENDERS:
        for each in node[2]:
            _extended(solver, ("n", module, each), out)
        for _, each in node[3]:
            solver.copy(("n", module, each), out, "added")
    else:
        solver.copy(("n", module, node[2][-1]), out, "added")


def _extended(solver: Solver, source: Key, out: Answer) -> None:
    for value in solver.get(source):
        if value[0] == "cont" and value[1] == "dict":
            solver.copy(value[2][1], out, "added")
        elif value[0] == "cont":
            for key in value[2]:
                solver.copy(key, out, "added")
