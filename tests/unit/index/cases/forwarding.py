"""Decorators whose wrapper hands on whatever it gets."""

import functools

from base import Copy, Job, Move, Other, reveal


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def with_session(function):
    @functools.wraps(function)
    def wrapper(first, *args, **kwargs):
        kwargs["session"] = Other()
        return function(first, *args, **kwargs)

    return wrapper


def with_more(extra):
    def decorator(function):
        def wrapper(*args, **kwargs):
            return function(*args, more=extra, **kwargs)

        return functools.wraps(function)(wrapper)

    return decorator


@timed
def copied(job, name=None):
    reveal(job)  # Copy
    reveal(name)  # 'copy' | None


@timed
def moved(job, name=None):
    reveal(job)  # Move
    reveal(name)  # 'move' | None


copied(Copy(), name="copy")
moved(Move(), "move")


class Store:
    @with_session
    def save(self, job, session=None):
        reveal(self)  # Store
        reveal(job)  # Copy
        reveal(session)  # None | Other

    @with_session
    @timed
    def drop(self, job, *, session):
        reveal(job)  # Move
        reveal(session)  # Other


store = Store()
store.save(Copy())
store.drop(job=Move())


@with_more(Job())
def first(job, more=None):
    reveal(job)  # Other
    reveal(more)  # Copy | Job | None


@with_more(Copy())
def second(job, more=None):
    reveal(job)  # Copy


first(Other())
second(Copy())

HANDLERS = []


def registered(function):
    def wrapper(*args):
        function(*args)

    HANDLERS.append(wrapper)
    return function


@registered
def handler(job):
    reveal(job)  # Move


for each in HANDLERS:
    each(Move())
