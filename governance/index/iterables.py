"""Iterables: what well-known functions outside the project make of the sequences they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import containers, special
from governance.index.solver import Answer, Solver, add
from governance.index.values import Key


def _sequence(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("cont", "seq", (("elem", *ref),)), grade, "container")


def _reversed(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """The iterator that a class of its own gives, else the elements the other way round."""
    for value, evidence in solver.get(("n", ref[0], node[2][0])).items() if node[2] else ():
        if value[0] in ("inst", "self"):
            special.result(solver, value, "__reversed__", min(grade, evidence.grade), "iterator", out)
    _sequence(solver, ref, node, grade, out)


def _sequence_of_last(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        add(out, ("cont", "seq", (("items", ref[0], node[2][-1]),)), grade, "container")


def _sequence_of_first(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        add(out, ("cont", "seq", (("items", ref[0], node[2][0]),)), grade, "container")


def _next(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        containers.items(solver, ("n", ref[0], node[2][0]), out)
        for default in node[2][1:]:
            solver.copy(("n", ref[0], default), out, "default", grade)


def _choice(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if len(node[2]) == 1:
        containers.items(solver, ("n", ref[0], node[2][0]), out)
    else:
        for each in node[2]:
            solver.copy(("n", ref[0], each), out, "argument", grade)


def _enumerate(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        add(out, ("cont", "seq", (("pair", ("none",), ("items", ref[0], node[2][0])),)), grade, "enumerate")


def _zip(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if len(node[2]) == 1 and (spread := solver.project.node((ref[0], node[2][0])))[0] == "star":
        # `titles, jobs = zip(*pairs)`: what stands first in all of them, what stands second, and so on.
        for value, evidence in solver.get(("items", ref[0], spread[1])).items():
            if value[:2] == ("cont", "tuple"):
                columns = tuple(("listed", key) for key in value[2])
                add(out, ("cont", "tuple", columns), min(grade, evidence.grade), "zip")
        return
    keys = tuple(("items", ref[0], each) for each in node[2])
    add(out, ("cont", "seq", (("pair", *keys),)), grade, "zip")


def _map(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("cont", "seq", (("called", *ref, 0),)), grade, "map")


def _one_of(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        containers.items(solver, ("n", ref[0], each), out)
    for each in node[2][1:]:
        solver.copy(("n", ref[0], each), out, "pushed", grade)


def _repeated(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        add(out, ("cont", "seq", (("n", ref[0], each),)), grade, "repeat")


def _flat(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        add(out, ("cont", "seq", (("flat", ref[0], each),)), grade, "container")


def _parts(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """An iterable of iterables over the elements of the first argument: tee, batched, permutations."""
    for each in node[2][:1]:
        add(out, ("cont", "seq", (("listed", ("items", ref[0], each)),)), grade, "container")


def _groups(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        group: Key = ("listed", ("items", ref[0], each))
        add(out, ("cont", "seq", (("pair", ("none",), group),)), grade, "groupby")


def _pairwise(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    for each in node[2][:1]:
        item: Key = ("items", ref[0], each)
        add(out, ("cont", "seq", (("pair", item, item),)), grade, "pairwise")


def rule_flat(solver: Solver, key: Key, out: Answer) -> None:
    """("flat", module, node): the elements of the elements of a node."""
    containers.items(solver, ("items", *key[1:]), out)


def rule_listed(solver: Solver, key: Key, out: Answer) -> None:
    """("listed", key): a sequence whose elements a key gives."""
    add(out, ("cont", "seq", (key[1],)), note="elements")


SUMMARIES: Final[dict[str, Callable[[Solver, Ref, Node, int, Answer], None]]] = {
    **dict.fromkeys((f"builtins.{name}" for name in "list set tuple frozenset sorted iter aiter".split()), _sequence),
    "builtins.reversed": _reversed,
    **dict.fromkeys(("collections.deque", "itertools.chain", "contextvars.ContextVar", "weakref.WeakSet"), _sequence),
    **dict.fromkeys(
        (
            f"{module}.{name}"
            for module in ("queue", "asyncio", "multiprocessing")
            for name in ("Queue", "LifoQueue", "PriorityQueue", "SimpleQueue", "JoinableQueue")
        ),
        _sequence,
    ),
    "itertools.chain.from_iterable": _flat,
    **dict.fromkeys(("builtins.filter", "itertools.filterfalse"), _sequence_of_last),
    **dict.fromkeys(("itertools.takewhile", "itertools.dropwhile"), _sequence_of_last),
    **dict.fromkeys(("heapq.nsmallest", "heapq.nlargest"), _sequence_of_last),
    **dict.fromkeys(("itertools.islice", "itertools.cycle", "itertools.compress"), _sequence_of_first),
    **dict.fromkeys(("random.sample", "random.choices", "concurrent.futures.as_completed"), _sequence_of_first),
    "asyncio.as_completed": _sequence_of_first,
    "itertools.repeat": _repeated,
    **dict.fromkeys(("itertools.tee", "itertools.batched", "itertools.permutations"), _parts),
    **dict.fromkeys(("itertools.combinations", "itertools.combinations_with_replacement"), _parts),
    "itertools.groupby": _groups,
    "itertools.pairwise": _pairwise,
    **dict.fromkeys(("builtins.zip", "itertools.zip_longest", "itertools.product"), _zip),
    "builtins.enumerate": _enumerate,
    **dict.fromkeys(("builtins.map", "itertools.starmap"), _map),
    **dict.fromkeys(("builtins.next", "builtins.anext"), _next),
    **dict.fromkeys(("builtins.min", "builtins.max"), _choice),
    **dict.fromkeys(("random.choice", "heapq.heappop", "heapq.heapreplace", "heapq.heappushpop"), _one_of),
}
"""By dotted name: the summary of a call, see `externals`."""
