"""Annotations and calls in their rarer forms."""

from __future__ import annotations

import abc
import typing
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import InitVar, dataclass, field
from typing import Generic, Protocol, Self, Tuple, Type, TypeVar, Union

from base import Color, Copy, Job, Move, Other, reveal

T = TypeVar("T")
S = TypeVar("S")
J = TypeVar("J", bound=Job)
Pair = tuple[T, S]
MaybeMany = Union[T, list[T]]
Wide: typing.TypeAlias = "T | None"
Plain = "not a type"


class Keeper(Generic[T]):
    held: T

    def __init__(self, first: T, *more: T) -> None:
        self.first = first
        self.later: list[T] = list(more)

    def make(self: Keeper[T]) -> T:
        return self.held

    @classmethod
    def of(cls, item: T) -> Self:
        return cls(item)

    @property
    def current(self) -> T:
        return self.first

    def transform(self, change: Callable[[T], S]) -> S:
        return change(self.held)


class CopyKeeper(Keeper[Copy]):
    pass


class Two(Generic[T, S]):
    def __init__(self, left: T, right: S) -> None:
        self.left = left
        self.right = right


class Node:
    parent: Node
    children: list[Self]

    @classmethod
    def kind(cls) -> type[Self]:
        return cls


class Leaf(Node):
    pass


def annotated(
    pair: Pair[Job, Other],
    many: MaybeMany[Job],
    wide: Wide[Job],
    tuples: Tuple[Job, Other],
    bare: tuple,
    empty: tuple[()],
    kinds: Type[Job],
    variable: type[J],
    manager: AbstractContextManager[Job],
    coroutine: Coroutine[None, None, Job],
    generator: Generator[Job, None, None],
    asynchronous: AsyncIterator[Job],
    nested: dict[str, list[dict[str, list[Job]]]],
    nothing: None,
    node: Leaf,
    maker: Callable[..., Awaitable[Job]],
    strange: Plain,
    external: typing.Pattern[str],
    color: Color,
):
    reveal(pair[0])  # Job
    reveal(pair[1])  # Other
    reveal(many)  # Job | [Job]
    reveal(wide)  # Job | None
    reveal(tuples[1])  # Other
    reveal(bare)  # tuple
    reveal(empty)  # ()
    reveal(kinds())  # Job
    reveal(variable)  # type[Job]
    reveal(variable())  # Job
    with manager as entered:
        reveal(entered)  # Job
    reveal(nested["a"][0]["b"][0])  # Job
    reveal(nothing)  # None
    reveal(node.parent)  # Node
    reveal(node.children[0])  # Node
    reveal(node.kind())  # type[Leaf]
    reveal(next(generator))  # Job
    reveal(strange)  # ?
    reveal(external)  # typing.Pattern
    reveal(color.value)  # ?
    reveal(color.name)  # ?

    async def inner():
        reveal(await coroutine)  # Job
        reveal(await maker())  # Job
        async for each in asynchronous:
            reveal(each)  # Job


keeper = Keeper(Copy(), Move())
reveal(keeper.make())  # Copy
reveal(keeper.first)  # Copy
reveal(keeper.current)  # Copy
reveal(CopyKeeper(Copy()).make())  # Copy
reveal(CopyKeeper(Copy()).held)  # Copy
reveal(Keeper.of(Copy()))  # Keeper
two = Two(Copy(), Other())
reveal(two.left)  # Copy
reveal(two.right)  # Other
reveal(Two[Job, Other](Copy(), Other()).left)  # Job


@dataclass
class Plan:
    first: Job
    others: list[Job] = field(default_factory=list)
    start: InitVar[Copy] = None
    fallback: Job = field(default=Move())

    def __post_init__(self, start):
        reveal(start)  # Copy


reveal(Plan(Copy()).first)  # Job
reveal(Plan(Copy()).fallback)  # Job | Move


class Source(Protocol):
    @abc.abstractmethod
    def fetch(self): ...


class Real(Source):
    def fetch(self):
        return Copy()


def by_protocol(source: Source):
    reveal(source.fetch())  # Copy


def numbers() -> Iterator[Job]:
    yield from [Copy()]


for number in numbers():
    reveal(number)  # Job


class Machine(type):
    def make(cls):
        made = cls()
        reveal(made)  # Made
        return made


class Made(metaclass=Machine):
    pass


class Rebound:
    kind = Other

    def made(self):
        reveal(self.kind())  # Copy | Other
        return self.kind()


class ReboundCopy(Rebound):
    kind = Copy


def rebinding():
    job = None

    def fill():
        nonlocal job
        job = Copy()

    fill()
    reveal(job)  # Copy | None
    return job
