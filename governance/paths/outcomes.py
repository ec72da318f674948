"""Outcomes: the states in which a block can be left, by each of its five exits, with the best path to each."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from governance.contract import Ref
from governance.findings import Grade

Place: TypeAlias = "tuple[int, Hashable]"
"""(number of the activation, name or other key): something whose value is followed."""

Abstract: TypeAlias = "tuple[Any, ...]"
"""A value as far as it is known, see `truth`."""

Kind: TypeAlias = "tuple[Any, ...]"
"""What is raised, see `exceptions`."""

TRAIL: Final = 14
K = TypeVar("K", bound=Hashable)

DEFINITE, PROBABLE, POSSIBLE, UNRESOLVED = (
    int(Grade.DEFINITE),
    int(Grade.PROBABLE),
    int(Grade.POSSIBLE),
    int(Grade.UNRESOLVED),
)


class Event(NamedTuple):
    """A turn a path took.

    kind: trigger, duty, raised, caught, swallowed, branch (the other arm would have paid), loop (a round would have
    paid), left, called, unawaited, entered, dropped (an awaitable that never runs), yielded.
    """

    kind: str
    ref: Ref
    text: str


class Path(NamedTuple):
    """One way to a state: how certain it is that it exists, and its turns in order."""

    grade: int
    trail: tuple[Event, ...] = ()

    def then(self, event: Event | None, grade: int = DEFINITE) -> Path:
        """The path one turn further. Long trails lose turns of the middle, but never the last trigger."""
        if event is None:
            return self if grade >= self.grade else Path(grade, self.trail)
        return Path(min(self.grade, grade), _cut((*self.trail, event)))

    def through(self, called: Event, way: Path, grade: int) -> Path:
        """The path, then a way through a called function."""
        trail = _cut((*self.trail, called, *way.trail)) if way.trail else self.trail
        return Path(min(self.grade, way.grade, grade), trail)


def _cut(trail: tuple[Event, ...]) -> tuple[Event, ...]:
    if len(trail) <= TRAIL:
        return trail
    first, middle, last = trail[: TRAIL // 2], trail[TRAIL // 2 : -(TRAIL // 2)], trail[-(TRAIL // 2) :]
    if any(event.kind == "trigger" for event in last):
        return (*first, *last)
    return (*first, *[event for event in middle if event.kind == "trigger"][-1:], *last)


class State:
    """A point of the abstract execution: the automaton's state and what is known of variables. Immutable."""

    __slots__ = ("_hash", "auto", "env")

    def __init__(self, auto: str, env: Mapping[Place, Abstract]) -> None:
        self.auto = auto
        self.env = env
        self._hash = hash((auto, frozenset(env.items())))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, State) and self._hash == other._hash and self.auto == other.auto and self.env == other.env
        )

    def moved(self, auto: str) -> State:
        """The same with another state of the automaton."""
        return self if auto == self.auto else State(auto, self.env)

    def with_value(self, place: Place, value: Abstract | None) -> State:
        """The same with a place known to hold a value (None: not known)."""
        if self.env.get(place) == value:
            return self
        env = {key: each for key, each in self.env.items() if key != place}
        if value is not None:
            env[place] = value
        return State(self.auto, env)

    def without(self, numbers: frozenset[int]) -> State:
        """The same without what is known about these activations."""
        if not any(place[0] in numbers for place in self.env):
            return self
        return State(self.auto, {place: value for place, value in self.env.items() if place[0] not in numbers})


States: TypeAlias = "dict[State, Path]"
Raised: TypeAlias = "dict[tuple[State, Kind], Path]"


class Outcomes:
    """The five exits of a block."""

    __slots__ = ("broke", "continued", "normal", "raised", "returned")

    def __init__(self, normal: States | None = None) -> None:
        self.normal: States = {} if normal is None else normal
        self.returned: States = {}
        self.broke: States = {}
        self.continued: States = {}
        self.raised: Raised = {}

    def absorb(self, other: Outcomes) -> None:
        """Add all exits of another block but the normal one."""
        merge(self.returned, other.returned.items())
        merge(self.broke, other.broke.items())
        merge(self.continued, other.continued.items())
        merge(self.raised, other.raised.items())

    def absorb_all(self, other: Outcomes) -> None:
        """Add all exits of another block."""
        merge(self.normal, other.normal.items())
        self.absorb(other)


def put(target: dict[K, Path], key: K, path: Path) -> bool:
    """Add a way to a key; the more certain one stays. Answers whether anything changed."""
    known = target.get(key)
    if known is None or known.grade < path.grade:
        target[key] = path
        return True
    return False


def merge(target: dict[K, Path], entries: Iterable[tuple[K, Path]]) -> bool:
    """Add several; answers whether anything changed."""
    changed = False
    for key, path in entries:
        changed = put(target, key, path) or changed
    return changed
