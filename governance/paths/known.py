"""Known: what is known of the state of objects at one place of a function, and how places are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.paths.state_values import States

ObjectKey: TypeAlias = "tuple[object, ...]"
Env: TypeAlias = "dict[ObjectKey, Known]"
Moves: TypeAlias = "frozenset[tuple[str, str]]"
"""Pairs of states, from and to."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one object: its possible states (None: any), whether a task switch may have widened them, and
    the definitions that a table has been asked about for it, with the moves it allows."""

    states: States | None
    switched: bool = False
    asked: frozenset[tuple[ObjectKey, Moves]] = frozenset()
    paired: frozenset[tuple[str, Moves]] = frozenset()
    """Variables that were given a state while the object was in one: what they hold, by the state it was in."""


ANY: Final = Known(None)


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a state. before: None if any state is possible; after: None if the new state is not known;
    allowed: the code asked the table for exactly this move; fresh: the object is being made; handed: the new state is
    a parameter; through: the place is a call of the function that writes."""

    ref: Ref
    before: States | None
    after: States | None
    fresh: bool = False
    switched: bool = False
    allowed: bool = False
    handed: bool = False
    through: bool = False

    def joined(self, other: Write) -> Write:
        """What holds of a place that is come to in two ways."""
        before = None if self.before is None or other.before is None else self.before | other.before
        after = None if self.after is None or other.after is None else self.after | other.after
        return replace(
            self,
            before=before,
            after=after,
            switched=self.switched or other.switched,
            fresh=self.fresh and other.fresh,
            allowed=self.allowed and other.allowed,
        )


def union(known: Iterable[Known]) -> Known:
    """What holds of an object that may be any of several."""
    every = list(known)
    asked = frozenset[tuple[ObjectKey, Moves]].intersection(*(each.asked for each in every)) if every else frozenset()
    switched = any(each.switched for each in every)
    paired = _paired([dict(each.paired) for each in every])
    if any(each.states is None for each in every):
        return Known(None, switched, asked, paired)
    return Known(frozenset[str]().union(*(each.states or () for each in every)), switched, asked, paired)


def _paired(every: list[dict[str, Moves]]) -> frozenset[tuple[str, Moves]]:
    names = set(every[0]).intersection(*every[1:]) if every else set()
    return frozenset((name, frozenset().union(*(each[name] for each in every))) for name in names)


def join(envs: Iterable[Mapping[ObjectKey, Known] | None]) -> Env | None:
    """What holds on every one of several ways; None if there is no way."""
    alive = [env for env in envs if env is not None]
    if not alive:
        return None
    keys = set(alive[0]).intersection(*alive[1:]) if len(alive) > 1 else set(alive[0])
    return {key: union(env[key] for env in alive) for key in keys}


def starts(key: ObjectKey, prefix: ObjectKey) -> bool:
    """Whether an object is reached through another: `job.plan.state` through `job.plan`."""
    while True:
        if key == prefix:
            return True
        if len(key) != 3 or key[0] not in ("attr", "sub") or not isinstance(key[1], tuple):
            return False
        key = key[1]


def mentions(key: ObjectKey, part: ObjectKey) -> bool:
    """Whether an object is found by way of another: `jobs[name]` by way of `name`."""
    return key == part or any(isinstance(each, tuple) and mentions(each, part) for each in key)
