"""Comprehensions: loops without a scope of their own whose targets are forgotten afterwards."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract import conditions, targets
from governance.extract.environment import Env
from governance.extract.walk import Walk

_KINDS: dict[type, str] = {
    cst.ListComp: "list", cst.SetComp: "set", cst.DictComp: "dict", cst.GeneratorExp: "generator",
    cst.StarredDictComp: "dict",
}  # fmt: skip


def comprehension(walk: Walk, node: Any) -> int:
    """Any comprehension or generator expression."""
    first: cst.CompFor = node.for_in
    source = walk.expr(first.iter)
    before, start = walk.env, len(walk.log)
    inside = Env(live=walk.env.live) if walk.scope.kind == "class" and not walk.scope.temporaries else Env(walk.env)
    walk.env = inside
    names: dict[str, int] = {}
    walk.scope.temporaries.append(names)
    produced: list[int] = []
    item = _clause(walk, node, first, source, names, produced)
    walk.scope.temporaries.pop()
    walk.env = walk.since(start, before)
    element, value = produced
    return walk.add(["comp", _KINDS[type(node)], element, value, item])


def _clause(walk: Walk, node: Any, clause: cst.CompFor, source: int, names: dict[str, int], produced: list[int]) -> int:
    """One `for` with its `if`s and what stands inside; answers its item node."""
    phis = walk.enter_loop(node) if clause is node.for_in else {}
    walk.place = clause.target
    item = walk.add(["item", source, clause.asynchronous is not None])
    body, outer = walk.collect()
    targets.temporary(walk, clause.target, item, names)
    for condition in clause.ifs:
        test, true, _ = conditions.condition(walk, condition.test)
        walk.env = Env(true)
        inner, enclosing = walk.collect()
        enclosing[0].append(["if", test, inner, []])
    if clause.inner_for_in is not None:
        following = clause.inner_for_in
        _clause(walk, node, following, walk.expr(following.iter), names, produced)
    elif isinstance(node, cst.DictComp):
        produced += [walk.expr(node.key), walk.expr(node.value)]
    elif isinstance(node, cst.StarredDictComp):
        produced += [-1, walk.expr(node.value)]
    else:
        produced += [walk.expr(node.elt), -1]
    walk.resume(outer)
    walk.steps.append(["loop", "comp", [["next", item]], -1, body, []])
    walk.close_loop(phis, [walk.env])
    return item
