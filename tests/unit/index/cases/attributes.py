from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from types import SimpleNamespace
from typing import Protocol

from base import Color, Copy, Job, Move, Other, reveal


class Base:
    shared = Copy()

    def __init__(self, job):
        self.job = job
        self.later = None

    def fill(self):
        self.later = Move()

    def name(self):
        return "base"


class Child(Base):
    def __init__(self, job):
        super().__init__(job)
        reveal(super().name())  # 'base'
        self.own = Other()

    def name(self):
        return "child"


child = Child(Copy())
reveal(child.job)  # Copy
reveal(child.later)  # Move | None
reveal(child.own)  # Other
reveal(child.shared)  # Copy
reveal(child.name())  # 'child'
reveal(Child.shared)  # Copy
child.added = Move()
reveal(child.added)  # Move
setattr(child, "set", Copy())
reveal(child.set)  # Copy
reveal(getattr(child, "own"))  # Other
reveal(getattr(child, "nothing", Copy()))  # Copy
reveal(child.missing)  # ?


class Left:
    def which(self):
        return Copy()


class Right:
    def which(self):
        return Move()


class Both(Left, Right):
    def call(self):
        return super().which()


class Diamond(Both):
    def which(self):
        return super().which()


reveal(Both().which())  # Copy
reveal(Both().call())  # Copy
reveal(Diamond().which())  # Copy


class Abstract(ABC):
    @abstractmethod
    def make(self): ...

    def use(self):
        return self.make()


class Concrete(Abstract):
    def make(self):
        return Copy()


reveal(Concrete().use())  # Copy


def through_abstract(thing: Abstract):
    reveal(thing.make())  # Copy


class Makes(Protocol):
    def make(self) -> Job: ...


def through_protocol(thing: Makes):
    reveal(thing.make())  # Job


class Proxy:
    def __init__(self, target: Copy) -> None:
        self._target = target

    def __getattr__(self, name):
        return getattr(self._target, name)


class Descriptor:
    def __get__(self, instance, owner):
        return Copy()


class WithDescriptor:
    field = Descriptor()


reveal(WithDescriptor().field)  # Copy
reveal(Color.RED)  # Color.RED
reveal(Color["BLUE"])  # Color.BLUE
reveal(Color("red"))  # Color.RED
reveal(Color.RED.value)  # 'red'
reveal(Color.RED.name)  # 'RED'
for color in Color:
    reveal(color)  # Color.BLUE | Color.RED


class Levels(Enum):
    LOW = auto()
    HIGH = auto()

    @property
    def job(self):
        return Copy()

    @classmethod
    def lowest(cls):
        return cls.LOW


reveal(Levels.LOW.job)  # Copy
reveal(Levels.lowest())  # Levels.LOW


@dataclass
class Plain:
    job: object
    other: object = None


reveal(Plain(Copy()).job)  # Copy | Move
reveal(Plain(job=Move(), other=Copy()).other)  # Copy | None


class Slots:
    __slots__ = ("job",)

    def __init__(self):
        self.job: Job | None = None

    def bind(self):
        self.job = Copy()


reveal(Slots().job)  # Copy | Job | None
reveal(partial(Base, Copy())().shared)  # Copy
reveal(Copy().__class__)  # type[Copy]
reveal(type(child))  # type[Child]


class Fluent:
    def __init__(self):
        self.items = []

    def add(self, item):
        self.items.append(item)
        return self


reveal(Fluent().add(Copy()).add(Move()).items)  # [Copy | Move]


class Meta(type):
    def build(cls):
        return cls()


class Built(metaclass=Meta):
    pass


class Application:
    def __init__(self):
        self.state = SimpleNamespace()


application = Application()
application.state.runner = Copy()


def handler(request):
    reveal(request.app.state.runner)  # Copy


class Node:
    def __init__(self, parent=None):
        self.parent = parent

    def root(self):
        return self.parent.root() if self.parent else self

    def __or__(self, other):
        return Other()


reveal(Node(Node()).root())  # Node
reveal(Node() | Node())  # Other
