"""Concurrency: what tasks, futures and threads give when what was handed to them has run."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import containers
from governance.index.solver import Answer, Solver, add
from governance.index.values import Key


def _awaitable(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        solver.copy(("n", ref[0], node[2][0]), out, "awaitable", grade)


def _async_call(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        add(out, ("coro", ("called", *ref, 0)), grade, "called in a thread")


def _gather(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    add(out, ("coro", ("gathered", *ref)), grade, "gather")


def _waited(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    """The sets of what is done and of what is not."""
    for each in node[2][:1]:
        listed: Key = ("listed", ("items", ref[0], each))
        add(out, ("cont", "tuple", (listed, listed)), grade, "waited for")
        add(out, ("coro", ("pair", listed, listed)), grade, "waited for")


def _run_coroutine(solver: Solver, ref: Ref, node: Node, grade: int, out: Answer) -> None:
    if node[2]:
        containers.awaited(solver, ("n", ref[0], node[2][0]), out)


SUMMARIES: Final = {
    **dict.fromkeys(
        (f"asyncio.{name}" for name in ("create_task", "ensure_future", "shield", "wait_for", "timeout")), _awaitable
    ),
    "asyncio.gather": _gather,
    **dict.fromkeys(("asyncio.wait", "concurrent.futures.wait"), _waited),
    **dict.fromkeys(("asyncio.run", "anyio.run", "trio.run"), _run_coroutine),
    "asyncio.to_thread": _async_call,
}
"""By dotted name: the summary of a call, see `externals`."""

BY_LAST: Final = dict.fromkeys(("run_in_threadpool", "run_sync"), _async_call)
"""By the last part of the name, whatever library it comes from."""


def rule_gathered(solver: Solver, key: Key, out: Answer) -> None:
    """("gathered", module, call): a sequence of what the awaited arguments give."""
    add(out, ("cont", "seq", (("awaited", *key[1:]),)), note="gather")


def rule_awaited(solver: Solver, key: Key, out: Answer) -> None:
    """("awaited", module, call)."""
    _, module, number = key
    node = solver.project.node((module, number))
    for each in node[2]:
        inner = solver.project.node((module, each))
        if inner[0] == "star":
            element: Answer = {}
            containers.items(solver, ("n", module, inner[1]), element)
            for value in element:
                if value[0] == "coro":
                    solver.copy(value[1], out, "gathered")
        else:
            containers.awaited(solver, ("n", module, each), out)
