"""Callbacks: functions handed to well-known external ones, which call them with what they were handed besides."""

from __future__ import annotations

from typing import Final

from governance.facts import Node
from governance.index import arguments, construction, containers
from governance.index.binding import FOLLOWED
from governance.index.solver import PROBABLE, Answer, Evidence, Solver
from governance.index.values import Value

_MAPPED: Final = frozenset(
    "map imap imap_unordered filter filterfalse reduce takewhile dropwhile accumulate map_async".split()
)
_STARRED: Final = frozenset(("starmap", "starmap_async"))
_BY_KEY: Final = frozenset("sorted min max nlargest nsmallest groupby sort".split())
_STARTED: Final = {"Thread": ("target", 1), "Process": ("target", 1), "Timer": ("function", 1)}
"""Objects that run a function: the keyword and the position of it; args and kwargs follow by name or position."""


def called(solver: Solver, module: str, node: Node, value: Value, grade: int) -> None:
    """Contribute to the parameters of functions that a call hands to the external function or method `value`."""
    name = str(value[1] if value[0] == "ext" else value[2]).rpartition(".")[2]
    keywords = {key: argument for key, argument in node[3] if key}
    if name in _STARTED:
        _started(solver, module, node, keywords, *_STARTED[name], grade)
        return
    if name in _BY_KEY:
        by = keywords.get("key", node[2][1] if name == "groupby" and len(node[2]) > 1 else -1)
        sources = [node[2][-1]] if name.startswith("n") and node[2] else node[2][:1]
        callee = solver.project.node((module, node[1]))
        if name == "sort" and callee[0] == "attr":
            sources = [callee[1]]
        for each, evidence in solver.get(("n", module, by)).items() if by >= 0 else ():
            _map_elements(solver, module, each, sources, min(grade, evidence.grade, PROBABLE))
    for position, argument in enumerate(node[2]):
        for each, evidence in solver.get(("n", module, argument)).items():
            if each[0] not in ("fn", "bm", "cls"):
                continue
            best = min(grade, evidence.grade, PROBABLE)
            rest = node[2][position + 1 :]
            if name in ("apply", "apply_async") and rest and solver.project.node((module, rest[0]))[0] == "tuple":
                rest = solver.project.node((module, rest[0]))[1]
            if each[0] == "cls":
                # Of anything else a class is more often the kind of something than what is called.
                if FOLLOWED.get(name) == position + 1:
                    construction.construct(solver, module, ["call", node[1], rest, node[3]], each, best)
            elif name in _MAPPED:
                _map_elements(solver, module, each, rest, best, reduced=name == "reduce")
            elif name in _STARRED:
                _spread_elements(solver, module, each, rest[:1], best)
            elif name not in _BY_KEY:
                _reach(solver, module, ["call", node[1], rest, node[3]], each, best)


def _reach(solver: Solver, module: str, shown: Node, value: Value, grade: int) -> None:
    arguments.give(solver, module, shown, value[1], value[2] if value[0] == "bm" else None, grade)


def _started(
    solver: Solver, module: str, node: Node, keywords: dict[str, int], word: str, position: int, grade: int
) -> None:
    """`Thread(target=f, args=(x,), kwargs={...})`, `Timer(5, f, [x])`."""

    def given(name: str, index: int) -> int:
        return keywords.get(name, node[2][index] if index < len(node[2]) else -1)

    after = position + 1 if word == "function" else position + 2
    run, args, kwargs = given(word, position), given("args", after), given("kwargs", after + 1)
    for each, evidence in solver.get(("n", module, run)).items() if run >= 0 else ():
        if each[0] not in ("fn", "bm"):
            continue
        best = min(grade, evidence.grade, PROBABLE)
        offset = 1 if each[0] == "bm" else 0
        if args >= 0:
            display = solver.project.node((module, args))
            if display[0] == "list":
                _reach(solver, module, ["call", node[1], display[1], []], each, best)
            else:
                arguments.spread(solver, each[1], offset, ("n", module, args), best)
        if kwargs >= 0:
            arguments.spread_mapping(solver, each[1], ("n", module, kwargs), {0} if offset else set(), best)


def _map_elements(
    solver: Solver, module: str, value: Value, sources: list[int], grade: int, *, reduced: bool = False
) -> None:
    if value[0] not in ("fn", "bm"):
        return
    offset = (1 if value[0] == "bm" else 0) + (1 if reduced else 0)
    for position, source in enumerate(sources):
        found: Answer = {}
        containers.items(solver, ("n", module, source), found)
        params = solver.project.scope(value[1]).params
        if position + offset < len(params):
            for each, evidence in found.items():
                solver.contribute(
                    ("param", *value[1], position + offset),
                    each,
                    Evidence(min(grade, evidence.grade), "element handed over", ("n", module, source), each),
                )


def _spread_elements(solver: Solver, module: str, value: Value, sources: list[int], grade: int) -> None:
    """`starmap(f, pairs)`: every element is a tuple of arguments."""
    for source in sources:
        arguments.spread(solver, value[1], 1 if value[0] == "bm" else 0, ("items", module, source), grade)
