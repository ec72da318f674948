"""Tests that say something of a value, in every form."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum

from base import Color, Copy, Job, Move, Other, reveal

KINDS = (Copy, Move)


class Level(Enum):
    LOW = 1
    HIGH = 2


class Text(str):
    pass


def classes(thing: Job | Other | Text, kind: type[Job] | type[Other]):
    if isinstance(thing, KINDS):
        reveal(thing)  # Copy | Move
    if isinstance(thing, (Other, str)):
        reveal(thing)  # Other | Text
    if isinstance(thing, Hashable):
        reveal(thing)  # Job | Other | Text
    if issubclass(kind, Job):
        reveal(kind)  # type[Job]
    else:
        reveal(kind)  # type[Other]
    if type(thing) is not Other:
        reveal(thing)  # Job | Text
    if callable(thing):
        reveal(thing)  # Job | Other | Text
    if isinstance(thing, unknown_kind()):  # noqa: F821
        reveal(thing)  # Job | Other | Text


def saved(thing: Job | Other):
    is_job = isinstance(thing, Job)
    if is_job:
        reveal(thing)  # Job | Other
    either = isinstance(thing, Other) or thing.name == "x"
    if not either:
        reveal(thing)  # Job | Other


def either(thing: Job | Other | None, flag: bool):
    if isinstance(thing, Copy) or isinstance(thing, Move):
        reveal(thing)  # Copy | Move
    if not (isinstance(thing, Job) or thing is None):
        reveal(thing)  # Other
    if isinstance(thing, Job) and flag:
        reveal(thing)  # Copy | Job | Move
    else:
        reveal(thing)  # Copy | Job | Move | None | Other
    if thing and not isinstance(thing, Other):
        reveal(thing)  # Copy | Job | Move
    if not thing:
        reveal(thing)  # Copy | Job | Move | None | Other
    return isinstance(thing, Job) and reveal(thing)  # Copy | Job | Move


def constants(word: str, flag: bool):
    name = "a" if flag else "b"
    if name == "a":
        reveal(name)  # 'a'
    else:
        reveal(name)  # 'b'
    if name != "a":
        reveal(name)  # 'b'
    if "b" == name:
        reveal(name)  # 'b'
    level = Level.LOW if flag else Level.HIGH
    if level is Level.LOW:
        reveal(level)  # Level.LOW
    if level == word:
        reveal(level)  # Level.HIGH | Level.LOW
    color = Color(word)
    reveal(color)  # Color
    reveal(Level(1))  # Level.LOW
    reveal(Level["HIGH"])  # Level.HIGH
    reveal(Level.LOW.value)  # 1
    reveal(Level.LOW.name)  # 'LOW'


def nones(thing: Job | None, other: Other | None):
    if thing is not None and other is None:
        reveal(thing)  # Job
        reveal(other)  # None
    if None is thing:
        reveal(thing)  # None
    if thing == None:  # noqa: E711
        reveal(thing)  # None


def matches(thing: Job | Other | None, word: str, flag: bool):
    match thing:
        case Copy() | Move():
            reveal(thing)  # Copy | Move
        case Job() as job:
            reveal(job)  # Job
        case None:
            reveal(thing)  # None
        case rest:
            reveal(rest)  # Other
    match thing:
        case Job(name="x"):
            reveal(thing)  # Copy | Job | Move
        case _:
            reveal(thing)  # Copy | Job | Move | None | Other
    match thing:
        case Job() if flag:
            reveal(thing)  # Copy | Job | Move
        case left:
            reveal(left)  # Copy | Job | Move | None | Other
    level = Level.LOW if flag else Level.HIGH
    match level:
        case Level.LOW:
            reveal(level)  # Level.LOW
        case _:
            reveal(level)  # Level.HIGH
    match (thing, word):
        case [Job() as first, _]:
            reveal(first)  # Copy | Job | Move
        case [first, *_]:
            reveal(first)  # Copy | Job | Move | None | Other
    match {"a": thing}:
        case {"a": Copy() as copy}:
            reveal(copy)  # Copy
        case {"a": (Job() | Other()) as either, **others}:
            reveal(either)  # Copy | Job | Move | Other


class Holder:
    def __init__(self, thing: Job | None):
        self.thing = thing

    def narrowed(self):
        if self.thing is None:
            return None
        reveal(self.thing)  # Job
        self.thing = None
        reveal(self.thing)  # Job | None
        return None


def while_loop(thing: Job | None):
    while thing is None:
        thing = Copy()
    reveal(thing)  # Copy | Job


def errors():
    try:
        raise LookupError
    except (ValueError, Broken) as error:
        reveal(error)  # Broken | ValueError
    except Broken as error:
        reveal(error)  # Broken
    except KeyError as error:
        reveal(error)  # KeyError
    except:  # noqa: E722
        pass


class Broken(Exception):
    pass
