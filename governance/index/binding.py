"""Binding: which arguments of a call reach which parameters, as Python pairs them."""

from __future__ import annotations

from governance.facts import Node, Scope


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
