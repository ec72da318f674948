"""Which definition of a name is current: environments, and what they become where paths join.

Phis and narrowings are values first and become fact nodes only when a load reads them, so a merge that nobody reads
costs nothing. Every environment also knows whether control can reach it; joins leave unreachable ones out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

UNBOUND = -1
_FLAT = 32
"""Unread merges are flattened into one up to this many operands; beyond it they nest."""
_FACTS = 6
"""Tests remembered about one dotted path or free name; older ones are forgotten."""


class Phi:
    """One of several definitions. `node` is set once it has become a fact; a loop's phi is open until its end."""

    __slots__ = ("is_open", "name", "node", "operands")

    def __init__(self, name: str, operands: list[Value], is_open: bool = False) -> None:
        self.name = name
        self.operands = operands
        self.is_open = is_open
        self.node: int | None = None


class Narrow:
    """The definition `base` where test number `test` came out as `positive`."""

    __slots__ = ("base", "node", "positive", "test")

    def __init__(self, base: Value, test: int, positive: bool) -> None:
        self.base = base
        self.test = test
        self.positive = positive
        self.node: int | None = None


Value: TypeAlias = "int | Phi | Narrow"
Tests: TypeAlias = "tuple[tuple[int, bool], ...]"


class Env(dict[str, Any]):
    """Name -> Value for local names; dotted path or free name -> Tests passed by it so far."""

    __slots__ = ("live",)

    def __init__(self, other: Env | None = None, live: bool = True) -> None:
        if other is None:
            super().__init__()
            self.live = live
        else:
            super().__init__(other)
            self.live = other.live and live


def _reduce(values: list[Value]) -> list[Value]:
    """Drop what adds nothing: a narrowing beside its own base, and both outcomes of one test (they make its base)."""
    if len(values) > _FLAT:
        return values
    changed = True
    while changed and len(values) > 1:
        changed = False
        for value in values:
            if type(value) is not Narrow:
                continue
            base: Value = value.base
            while True:
                if base in values:
                    break
                if type(base) is not Narrow:
                    break
                base = base.base
            if base in values:
                values = [other for other in values if other is not value]
                changed = True
                break
            twin = next(
                (
                    other
                    for other in values
                    if type(other) is Narrow
                    and other.base == value.base
                    and other.test == value.test
                    and other.positive != value.positive
                ),
                None,
            )
            if twin is not None:
                values = [value.base if other is value else other for other in values if other is not twin]
                changed = True
                break
    return values


def merge(name: str, values: Iterable[Value], outside: bool) -> Value:
    """The value of a name that arrives by several paths. `outside`: where unbound, the lookup goes on outside."""
    flat: list[Value] = []
    for value in values:
        if type(value) is Phi and value.node is None and not value.is_open and len(value.operands) < _FLAT:
            flat += [operand for operand in value.operands if operand not in flat]
        elif value not in flat:
            flat.append(value)
    if not outside and UNBOUND in flat and len(flat) > 1:
        flat.remove(UNBOUND)
    flat = _reduce(flat)
    return flat[0] if len(flat) == 1 else Phi(name, flat)


def join(envs: Iterable[Env], outside: bool) -> Env:
    """The environment after several paths meet. If none of them is live the result is not live either."""
    envs = list(envs)
    live = [env for env in envs if env.live] or envs
    result = live[0]
    for other in live[1:]:
        result = _join_two(result, other, outside)
    return Env(result)


def _join_two(one: Env, two: Env, outside: bool) -> Env:
    if one is two:
        return one
    result = Env(live=one.live)
    for name, value in one.items():
        other = two.get(name, UNBOUND)
        if value is other or value == other:
            result[name] = value
        elif type(value) is tuple and type(other) is tuple:
            common = tuple(test for test in value if test in other)
            if common:
                result[name] = common
        else:
            _meet(result, name, value, other, outside)
    for name, value in two.items():
        if name not in one:
            _meet(result, name, UNBOUND, value, outside)
    return result


def _meet(result: Env, name: str, one: Any, two: Any, outside: bool) -> None:
    """Two different values of a name meet; tests of a path or free name hold on one side only, so no longer."""
    values = [UNBOUND if type(value) is tuple else value for value in (one, two)]
    merged = merge(name, values, outside)
    if merged != UNBOUND:
        result[name] = merged


def narrowed(env: Env, keys: Iterable[str], test: int, positive: bool, bound: set[str]) -> Env:
    """A copy of `env` on one outcome of a test about the names and dotted paths `keys`."""
    result = Env(env)
    for key in keys:
        value = env.get(key)
        if value is None or type(value) is tuple:
            if value is None and key in bound:
                continue  # unbound here: nothing to narrow
            result[key] = ((value or ()) + ((test, positive),))[-_FACTS:]
        else:
            result[key] = Narrow(value, test, positive)
    return result
