"""Compound statements: branches, loops, try, with."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract import conditions, targets
from governance.extract.environment import UNBOUND, Env, join
from governance.extract.scope import Loop
from governance.extract.type_expressions import last_name
from governance.extract.walk import Walk, name_of

_SWALLOWING = ("suppress", "raises", "assertRaises", "assertRaisesRegex", "ExitStack", "AsyncExitStack")
"""Context managers that are known to end an exception. Of others it is assumed that they let it pass."""


def branch(walk: Walk, node: cst.If) -> None:
    """`if`, `elif`, `else`."""
    test, true, false = conditions.condition(walk, node.test)
    walk.env = Env(true)
    then, outer = walk.collect()
    walk.block(node.body)
    walk.resume(outer)
    after_then, walk.env = walk.env, Env(false)
    other, outer = walk.collect()
    if isinstance(node.orelse, cst.If):
        walk.statement(node.orelse, walk.statements)
    elif node.orelse is not None:
        walk.block(node.orelse.body)
    walk.resume(outer)
    walk.steps.append(["if", test, then, other])
    walk.env = join((after_then, walk.env), walk.scope.outside)


def while_loop(walk: Walk, node: cst.While) -> None:
    """`while`."""
    phis = walk.enter_loop(node)
    head, outer = walk.collect()
    test, true, false = conditions.condition(walk, node.test)
    walk.resume(outer)
    walk.env = Env(true)
    _rounds(walk, node, phis, ["loop", "while", head, test], false)


def for_loop(walk: Walk, node: cst.For) -> None:
    """`for`, `async for`."""
    source = walk.expr(node.iter)
    phis = walk.enter_loop(node)
    walk.place = node.target
    is_async = node.asynchronous is not None
    item = walk.add(["item", source, is_async])
    exhausted = walk.env
    walk.env = Env(exhausted)
    _rounds(walk, node, phis, ["loop", "async-for" if is_async else "for", [["next", item]], -1], exhausted)


def _rounds(walk: Walk, node: Any, phis: Any, step: list[Any], exhausted: Env) -> None:
    """Body and `else` of a loop; `exhausted` is the environment in which it ends by itself."""
    enclosing, walk.loop = walk.loop, Loop()
    body, outer = walk.collect()
    if isinstance(node, cst.For):
        targets.store(walk, node.target, step[2][0][1])
    walk.block(node.body)
    walk.resume(outer)
    loop, walk.loop = walk.loop, enclosing
    walk.close_loop(phis, [walk.env, *loop.continues])
    walk.env = Env(exhausted)
    orelse, outer = walk.collect()
    if node.orelse is not None:
        walk.block(node.orelse.body)
    walk.resume(outer)
    walk.steps.append([*step, body, orelse])
    walk.env = join((walk.env, *loop.breaks), walk.scope.outside)


def attempt(walk: Walk, node: Any) -> None:
    """`try`: any prefix of the body may have run before a handler, any prefix of everything before `finally`."""
    before, start = walk.env, len(walk.log)
    loop = walk.loop
    marks = (len(loop.breaks), len(loop.continues)) if loop is not None else (0, 0)
    at = walk.at("try")
    walk.env = Env(before)
    body, outer = walk.collect()
    walk.block(node.body)
    walk.resume(outer)
    after_body = walk.env
    caught = walk.since(start, before, _last_binding(node.body))
    orelse, outer = walk.collect()
    if node.orelse is not None:
        walk.block(node.orelse.body)
    walk.resume(outer)
    ends = [walk.env if node.orelse is not None else after_body]
    handlers = []
    for handler in node.handlers:
        handlers.append(_handler(walk, handler, caught))
        ends.append(walk.env)
    after = join(ends, walk.scope.outside)
    final: list[Any] = []
    walk.env = after
    if node.finalbody is not None:
        final = _finally(walk, node.finalbody, start, before, after, marks)
    walk.steps.append(["try", at, body, handlers, orelse, final, isinstance(node, cst.TryStar)])


def _last_binding(suite: Any) -> int:
    """How many names the last statement of a suite binds after everything in it that may raise."""
    last = suite.body[-1]
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    targets = [each.target for each in last.targets] if isinstance(last, cst.Assign) else []
    return len(targets) if all(isinstance(each, cst.Name) for each in targets) else 0


def _handler(walk: Walk, handler: Any, caught: Env) -> list[Any]:
    """One `except` clause; leaves the environment at its end."""
    walk.env = Env(caught)
    block, outer = walk.collect()
    walk.place = handler
    types = walk.at("except") if handler.type is None else walk.expr(handler.type)
    name = None
    if handler.name is not None:
        name = name_of(handler.name.name)
        walk.place = handler.name.name
        walk.bind(name, walk.add(["exception", types]))
    walk.block(handler.body)
    if name is not None:
        walk.unbind(name)
    walk.resume(outer)
    return [types, name, block]


def _finally(walk: Walk, node: Any, start: int, before: Env, after: Env, marks: tuple[int, int]) -> list[Any]:
    """The `finally` suite: one walk for all the ways into it; what it stores holds on all the ways out."""
    walk.env = Env(walk.since(start, before), live=True)
    entry = len(walk.log)
    ways = [result := Env(after)]
    if walk.loop is not None:
        ways += _copied(walk.loop.breaks, marks[0]) + _copied(walk.loop.continues, marks[1])
    block, outer = walk.collect()
    walk.block(node.body)
    walk.resume(outer)
    end = walk.env
    stored = {name for name, _ in walk.log[entry:]}
    for env in ways:
        for name in sorted(stored):
            value = end.get(name, UNBOUND)
            if value == UNBOUND or type(value) is tuple:
                env.pop(name, None)
            else:
                env[name] = value
    walk.env = Env(result, live=end.live)
    return block


def _copied(envs: list[Env], start: int) -> list[Env]:
    """The environments from `start` on, replaced in the list by copies that may be changed."""
    envs[start:] = [Env(env) for env in envs[start:]]
    return envs[start:]


def managed(walk: Walk, node: cst.With) -> None:
    """`with a as b, c as d`: one step inside the other."""
    _items(walk, node, list(node.items))


def _items(walk: Walk, node: cst.With, items: list[Any]) -> None:
    item, *rest = items
    walk.place = node
    at = walk.at("with")
    context = walk.expr(item.item)
    walk.place = item.item
    enter = walk.add(["enter", context, node.asynchronous is not None])
    before, start = walk.env, len(walk.log)
    body, outer = walk.collect()
    walk.env = Env(before)
    if item.asname is not None:
        targets.store(walk, item.asname.name, enter)
    if rest:
        _items(walk, node, rest)
    else:
        walk.block(node.body)
    walk.resume(outer)
    walk.steps.append(["with", at, enter, body])
    manager = item.item.func if isinstance(item.item, cst.Call) else item.item
    if before.live and (not walk.env.live or last_name(manager) in _SWALLOWING):
        walk.env = join((walk.env, walk.since(start, before)), walk.scope.outside)
