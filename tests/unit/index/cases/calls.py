import asyncio
import contextlib
import copy
import functools
import operator
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from pydantic import BaseModel, Field

from base import Copy, Job, Move, Other, reveal


def made():
    return Copy()


def one_of(flag):
    if flag:
        return Copy()
    return Move()


def declared() -> Job:
    return Copy()


def nothing():
    pass


def passed(thing):
    reveal(thing)  # Copy | Other
    return thing


def defaulted(thing=Copy()):
    reveal(thing)  # Copy | Move
    return thing


def keyword(*, thing):
    return thing


def collected(*things, **named):
    reveal(things[0])  # Copy | Move
    reveal(named["x"])  # Other


def generator():
    yield Copy()
    yield from [Move()]


def typed_generator() -> Iterator[Job]:
    yield Copy()


async def coroutine():
    return Copy()


def outer():
    def inner():
        return Copy()

    return inner


reveal(made())  # Copy
reveal(one_of(1))  # Copy | Move
reveal(declared())  # Job
reveal(nothing())  # ?
reveal(passed(Copy()))  # Copy
passed(thing=Other())
defaulted(Move())
reveal(keyword(thing=Copy()))  # Copy
collected(Copy(), Move(), x=Other())
collected(*[Copy()], **{"x": Other()})
reveal(list(generator()))  # [Copy | Move]
reveal(next(typed_generator()))  # Job
reveal(outer()())  # Copy
reveal((lambda: Copy())())  # Copy
reveal(functools.partial(made)())  # Copy
reveal(copy.deepcopy(Copy()))  # Copy
reveal(operator.attrgetter("name"))  # operator.attrgetter
reveal(weakref.ref(Copy())())  # Copy
current: ContextVar[Job] = ContextVar("current")
reveal(current.get())  # Job
bound = Copy().execute
reveal(bound)  # Job.execute()
reveal(bound.__self__)  # Copy


async def awaiting():
    reveal(coroutine())  # awaitable
    reveal(await coroutine())  # Copy
    reveal(await asyncio.create_task(coroutine()))  # Copy
    reveal(await asyncio.wait_for(coroutine(), 1))  # Copy
    both = await asyncio.gather(coroutine(), coroutine())
    reveal(both[0])  # Copy
    reveal(await asyncio.to_thread(made))  # Copy


reveal(asyncio.run(coroutine()))  # Copy

with ThreadPoolExecutor() as pool:
    reveal(pool.submit(made).result())  # Copy
    reveal(list(pool.map(made, [1]))[0])  # Copy


@contextmanager
def leased():
    yield Copy()


@contextlib.asynccontextmanager
async def leased_later():
    yield Copy()


class Lease:
    def __enter__(self) -> Job:
        return Copy()

    def __exit__(self, *error: object) -> None: ...


class Own:
    def __enter__(self):
        return self

    def __exit__(self, *error): ...


with leased() as job:
    reveal(job)  # Copy
with Lease() as job:
    reveal(job)  # Job
with Own() as own:
    reveal(own)  # Own
with contextlib.closing(Copy()) as job:
    reveal(job)  # Copy
with contextlib.ExitStack() as stack:
    reveal(stack.enter_context(leased()))  # Copy


async def later():
    async with leased_later() as job:
        reveal(job)  # Copy


class Factory:
    def __init__(self, kind: type[Job] = Copy) -> None:
        self.kind = kind
        self.make: Callable[[], Job] = kind

    def __call__(self):
        return Copy()

    def build(self):
        return self.kind()

    def chained(self):
        return self

    @classmethod
    def create(cls):
        return cls()

    @staticmethod
    def plain():
        return Copy()

    @property
    def job(self) -> Job:
        return Copy()

    @functools.cached_property
    def other(self):
        return Other()


class Special(Factory):
    pass


reveal(Factory()())  # Copy
reveal(Factory().build())  # Copy | Job
reveal(Factory().make())  # Copy | Job
reveal(Special().chained())  # Special
reveal(Special.create())  # Special
reveal(Special.create().chained().chained())  # Special
reveal(Factory.plain())  # Copy
reveal(Factory().job)  # Job
reveal(Factory().other)  # Other


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@logged
def decorated():
    return Copy()


reveal(decorated())  # Copy


@functools.lru_cache
def cached():
    return Copy()


reveal(cached())  # Copy


@dataclass
class Plan:
    job: Job
    extra = None


reveal(replace(Plan(Copy()), job=Move()))  # Plan
reveal(Plan(Copy()).job)  # Job


@dataclass
class Untyped:
    job: object


reveal(replace(Untyped(None), job=Move()).job)  # Move | None


class Order(BaseModel):
    job: Job
    note = Field(Copy(), title="note")
    needed = Field(...)

    @classmethod
    def read(cls, text):
        return cls.model_validate_json(text)


reveal(Order.model_validate({}))  # Order
reveal(Order.read(""))  # Order
reveal(Order(job=Copy()).model_copy(update={}).job)  # Job
reveal(Order(job=Copy()).note)  # Copy
reveal(Order(job=Copy()).needed)  # ?
chosen = ContextVar("chosen", default=Copy())
reveal(chosen.get())  # Copy


def stepping():
    yield 1
    return Copy()


def typed_steps() -> Generator[int, None, Job]:
    yield 1
    return Copy()


def through():
    reveal((yield from stepping()))  # Copy
    steps = stepping()
    reveal((yield from steps))  # Copy
    reveal((yield from typed_steps()))  # Job
    reveal((yield from [Copy()]))  # ?


class Kept:
    def __init__(self, job, other=None):
        self.job, self.other = job, other


@dataclass
class Filled:
    job: object


make_kept = functools.partial(Kept, Copy())
reveal(make_kept(other=Move()).job)  # Copy
reveal(make_kept().other)  # Move | None
reveal(functools.partial(Filled, job=Move())().job)  # Move


class InThread:
    def __init__(self, job):
        self.job = job


async def in_thread():
    reveal((await asyncio.to_thread(InThread, Move())).job)  # Move


class Maker:
    def __new__(cls, flag):
        return object.__new__(cls)


reveal(Maker(1))  # Maker


def recursion(count):
    if count:
        return recursion(count - 1)
    return Copy()


reveal(recursion(3))  # Copy


def walker(callback):
    return callback(Copy())


reveal(walker(lambda each: each))  # Copy
