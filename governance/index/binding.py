"""Binding: which arguments of a call reach which parameters, as Python pairs them."""

from __future__ import annotations

from typing import Final

from governance.facts import Node, Scope

FOLLOWED: Final = {
    "partial": 1, "partialmethod": 1, "submit": 1, "to_thread": 1, "run_in_executor": 2, "call_soon": 1,
    "call_soon_threadsafe": 1, "run_in_threadpool": 1, "run_sync": 1, "apply_async": 1, "add_task": 1,
}  # fmt: skip
"""Functions that call one of their arguments with those that follow: how many come before the followers."""

COPIES: Final = {
    "dataclasses.replace": "replace", "copy.replace": "replace", "attrs.evolve": "evolve", "attr.evolve": "evolve",
}  # fmt: skip
"""Functions that make a copy of an object of which some fields differ: the last part of their names."""


def bind(scope: Scope, node: Node, bound: bool) -> list[tuple[int, int]]:
    """Which argument nodes of a call reach which parameters: [(parameter index, argument node)].

    `bound`: the first parameter is taken by the receiver. Arguments that land in `*args`/`**kwargs` are paired with
    that parameter; starred arguments with every positional parameter they may reach are left to `parameters`.
    """
    pairs: list[tuple[int, int]] = []
    positional = [index for index, each in enumerate(scope.params) if each.kind in ("positional", "normal")]
    vararg = next((index for index, each in enumerate(scope.params) if each.kind == "vararg"), None)
    kwarg = next((index for index, each in enumerate(scope.params) if each.kind == "kwarg"), None)
    names = {each.name: index for index, each in enumerate(scope.params) if each.kind in ("normal", "keyword")}
    position = 1 if bound else 0
    for argument in node[2]:
        if position < len(positional):
            pairs.append((positional[position], argument))
        elif vararg is not None:
            pairs.append((vararg, argument))
        position += 1
    for name, argument in node[3]:
        if name is None:
            continue
        if name in names:
            pairs.append((names[name], argument))
        elif kwarg is not None:
            pairs.append((kwarg, argument))
    return pairs
