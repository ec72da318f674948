from typing import TypeGuard

from typing_extensions import TypeIs

from base import Color, Copy, Job, Move, Other, reveal


def is_job(value: object) -> TypeGuard[Job]:
    return isinstance(value, Job)


def is_other(value: object) -> TypeIs[Other]:
    return isinstance(value, Other)


def check(thing: Job | Other | None, plain, loose: object):
    if isinstance(thing, Job):
        reveal(thing)  # Job
    else:
        reveal(thing)  # None | Other
    if thing is None:
        reveal(thing)  # None
        return
    reveal(thing)  # Job | Other
    if not isinstance(thing, Other):
        reveal(thing)  # Job
    if isinstance(plain, (Copy, Move)):
        reveal(plain)  # Copy | Move
    if is_job(loose):
        reveal(loose)  # Job
    if type(loose) is Copy:
        reveal(loose)  # Copy
    if isinstance(thing, Job) and thing.name:
        reveal(thing)  # Job
    if not isinstance(thing, Job) or thing.name:
        reveal(thing)  # Job | Other
    while not isinstance(thing, Job):
        thing = Copy()
    reveal(thing)  # Copy | Job
    assert isinstance(loose, Job), "no job"
    reveal(loose)  # Job
    value = loose if isinstance(loose, Copy) else None
    reveal(value)  # Copy | None


def guarded(thing: Job | Other):
    if is_other(thing):
        return
    reveal(thing)  # Job


def matched(thing: object, union: Job | Other | None):
    match thing:
        case Copy(name=name):
            reveal(thing)  # Copy
        case Job() as job:
            reveal(job)  # Job
        case Move() | Other():
            reveal(thing)  # Move | Other
    match union:
        case None:
            reveal(union)  # None
        case Job():
            reveal(union)  # Job
        case _:
            reveal(union)  # Other


def falsy(thing: Job | None):
    if not thing:
        return
    reveal(thing)  # Job


def coloured():
    color = Color.RED if len("x") else Color.BLUE
    reveal(color)  # Color.BLUE | Color.RED
    if color is Color.RED:
        reveal(color)  # Color.RED
    else:
        reveal(color)  # Color.BLUE
    if color == Color.RED or color == Color.BLUE:
        reveal(color)  # Color.BLUE | Color.RED


class Holder:
    def __init__(self, job: Job | None) -> None:
        self.job = job

    def use(self):
        if self.job is None:
            return
        reveal(self.job)  # Job

    def refused(self, kind: type[Job] | None):
        if kind is None:
            kind = Copy
        reveal(kind)  # type[Copy] | type[Job]


def subclassed(kind: type):
    if issubclass(kind, Job):
        reveal(kind)  # type[Job]
