from __future__ import annotations

import typing as t
from collections.abc import Awaitable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Self,
    TypedDict,
    TypeVar,
    Union,
)

from base import Color, Copy, Job, Move, Other, reveal

T = TypeVar("T")
J = TypeVar("J", bound=Job)
K = TypeVar("K", Copy, Move)
Alias = Job
Both = Union[Copy, Move]
Jobs = list[Job]
Listed: t.TypeAlias = "dict[str, Job]"
JobId = NewType("JobId", Job)
type Modern = Job | None


class Box(Generic[T]):
    content: T

    def __init__(self, content: T) -> None:
        self.content = content

    def open(self) -> T:
        return self.content

    def all(self) -> list[T]:
        return [self.content]


class JobBox(Box[Job]):
    pass


class New[X]:
    def __init__(self, x: X) -> None:
        self.x = x

    def get(self) -> X:
        return self.x


class Shape(TypedDict):
    job: Job


class More(Shape, total=False):
    jobs: list[Copy]


class Pair(NamedTuple):
    left: Job
    right: Other


class Holder:
    registry: ClassVar[dict[str, Job]] = {}
    fixed: Final = Copy()
    maybe: Job | None = None

    def me(self) -> Self:
        return self


def check(
    plain: Job,
    optional: Optional[Job],
    union: Copy | Move,
    old: Union[Copy, None],
    string: "Job",
    aliased: Alias,
    both: Both,
    jobs: Jobs,
    listed: Listed,
    modern: Modern,
    new: JobId,
    note: Annotated[Job, "note"],
    kind: type[Job],
    sequence: Sequence[Job],
    mapping: Mapping[str, Job],
    pair: tuple[Job, Other],
    many: tuple[Job, ...],
    call: t.Callable[[int], Job],
    bounded: J,
    box: Box[Job],
    job_box: JobBox,
    fresh: New[Copy],
    shape: Shape,
    more: More,
    asked: str,
    named: Pair,
    word: Literal["a", "b"],
    anything: Any,
    color: Color,
    external: t.IO[str],
    awaitable: Awaitable[Job],
):
    reveal(plain)  # Job
    reveal(optional)  # Job | None
    reveal(union)  # Copy | Move
    reveal(old)  # Copy | None
    reveal(string)  # Job
    reveal(aliased)  # Job
    reveal(both)  # Copy | Move
    reveal(jobs[0])  # Job
    reveal(listed["x"])  # Job
    reveal(modern)  # Job | None
    reveal(new)  # Job
    reveal(note)  # Job
    reveal(kind)  # type[Job]
    reveal(kind())  # Job
    reveal(sequence[0])  # Job
    reveal(mapping.get("x"))  # Job
    reveal(pair[1])  # Other
    reveal(many[3])  # Job
    reveal(call(1))  # Job
    reveal(bounded)  # Job
    reveal(box.open())  # Job
    reveal(box.content)  # Job
    reveal(box.all()[0])  # Job
    reveal(job_box.open())  # Job
    reveal(fresh.get())  # Copy
    reveal(shape["job"])  # Job
    reveal(shape.get("job"))  # Job
    reveal(more.get("jobs"))  # [Copy]
    reveal(more.pop("job"))  # Job
    reveal(more[asked])  # Job | [Copy]
    reveal(list(more.values())[0])  # Job | [Copy]
    reveal({**more, "note": 1}["job"])  # Job
    reveal(named.left)  # Job
    reveal(word)  # 'a' | 'b'
    reveal(anything)  # ?
    reveal(color)  # Color
    reveal(external)  # typing.IO
    left, right = named
    reveal(right)  # Other


def first(items: list[T]) -> T:
    return items[0]


def same(item: J) -> J:
    return item


def build(kind: type[T]) -> T:
    return kind()


def apply(function: t.Callable[[], T]) -> T:
    return function()


def constrained(item: K) -> K:
    return item


reveal(first([Copy()]))  # Copy
reveal(same(Copy()))  # Copy
reveal(build(Copy))  # Copy
reveal(apply(Copy))  # Copy
reveal(constrained(Move()))  # Move
reveal(Box(Copy()).content)  # Copy
reveal(t.cast(Job, object()))  # Job
reveal(t.cast("Job", object()))  # Job
reveal(Holder.registry["x"])  # Job
reveal(Holder().fixed)  # Copy
reveal(Holder().maybe)  # Job | None
reveal(Holder().me())  # Holder
declared: Job
declared = Copy()
reveal(declared)  # Copy
kinds: list[type[Job]] = [Copy]
reveal(kinds[0]())  # Copy | Job
