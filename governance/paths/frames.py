"""Frames: one activation of a function during the abstract execution, and where its variables live."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from governance.contract import Ref
from governance.facts import ModuleFacts, Scope
from governance.index.values import ClassId, FunctionId
from governance.paths.outcomes import DEFINITE, Event, Outcomes, Place, States

if TYPE_CHECKING:
    from governance.index.project import Project

SELF: Final = -1
"""The number under which attributes of the common receiver are kept, in place of that of an activation."""

ALL: Final = -1
RESULT: Final = "<result>"
HANDLED: Final = "<handled>"
CLOSING: Final = "<closing>"
PENDING: Final = "<pending>"

Slot: TypeAlias = "tuple[FunctionId, str]"
"""A parameter: its function and its name. With a class and ".name": an attribute of its instances."""

Callables: TypeAlias = "tuple[tuple[Slot, tuple[Work, ...]], ...]"
"""Parameters that are known to hold certain functions, sorted."""


class This(NamedTuple):
    """An object whose attributes are followed. number: under which; flags: which attributes, None for all."""

    number: int
    flags: frozenset[str] | None = None


COMMON: Final = This(SELF)
"""The receiver of the function that was asked about."""


class Work(NamedTuple):
    """Something that can be run: a project function with what is known about its surroundings.

    receiver: the class of `self`, if known. this: `self`, if its attributes are followed.
    outer: the activation in which a nested function was defined. callables: what enclosing parameters hold.
    layers: how many of its decorators, counted from the innermost, are still around it; ALL for an ordinary call.
    stands_in: a decorator's wrapper that runs in place of a method, so that its first parameter is the receiver.
    """

    function: FunctionId
    receiver: ClassId | None = None
    this: This | None = None
    outer: Frame | None = None
    callables: Callables = ()
    grade: int = DEFINITE
    layers: int = ALL
    stands_in: bool = False


def asked(function: FunctionId, receiver: ClassId | None, layers: int = ALL) -> Work:
    """The function that is asked about; the attributes of its receiver are followed."""
    return Work(function, receiver, COMMON if receiver is not None else None, layers=layers)


class Frame:
    """One activation."""

    __slots__ = (
        "callables", "facts", "function", "made", "module", "number", "on_yield", "outer", "own", "project", "receiver",
        "scope", "self_name", "this", "tracked",
    )  # fmt: skip

    def __init__(
        self, project: Project, work: Work, number: int, tracked: frozenset[object],
        made: Mapping[int, This] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        self.project = project
        self.function = work.function
        self.module = work.function[0]
        self.facts: ModuleFacts = project.modules[self.module].facts
        self.scope: Scope = self.facts.scopes[work.function[1]]
        self.number = number
        self.outer = work.outer
        self.receiver = work.receiver
        self.this = work.this
        self.callables: dict[Slot, tuple[Work, ...]] = dict(work.callables)
        self.tracked = tracked
        self.made = made
        self.own = frozenset((number, *(each.number for each in made.values())))
        self.on_yield: Callable[[Frame, States], Outcomes] | None = None
        self.self_name = self._self_name(work.stands_in)

    def _self_name(self, stands_in: bool) -> str:
        is_method = stands_in or self.project.owning_class(self.function) is not None
        if is_method and self.scope.params and self.scope.params[0].kind in ("positional", "normal"):
            return self.scope.params[0].name
        return ""

    def ref(self, node: int) -> Ref:
        """A node of this frame's module."""
        return (self.module, node)

    def event(self, kind: str, node: int, text: str) -> Event:
        """A turn that a path takes at a node of this activation."""
        return Event(kind, (self.module, node), text)

    def lexical(self) -> Iterator[Frame]:
        """This frame and the active frames of the functions around it, innermost first."""
        frame: Frame | None = self
        while frame is not None:
            yield frame
            frame = frame.outer

    def stored(self, name: str) -> Place | None:
        """Where an assignment to a name goes; None if that is not followed."""
        if name in self.scope.global_names:
            return None
        if name in self.scope.nonlocal_names:
            return self.outer.loaded(name) if self.outer else None
        return (self.number, name) if name in self.tracked else None

    def loaded(self, name: str) -> Place | None:
        """Where a name that is read here lives; None if it belongs to no active function."""
        for frame in self.lexical():
            if name in frame.scope.global_names:
                return None
            if name in frame.scope.nonlocal_names:
                continue
            if name in frame.scope.bindings or any(name == param.name for param in frame.scope.params):
                return (frame.number, name)
        return None

    def is_self(self, node: int) -> bool:
        """Whether an expression is the receiver of the method (or of the method around a nested function)."""
        name = self.name_of(node)
        return name is not None and self.self_frame(name) is not None

    def this_of(self, node: int) -> This | None:
        """The object an expression is, if its attributes are followed: a receiver, or one that was made here."""
        name = self.name_of(node)
        owner = self.self_frame(name) if name else None
        return owner.this if owner is not None else self.made.get(self.origin(node)) if self.made else None

    def self_frame(self, name: str) -> Frame | None:
        """The active method whose receiver a name is."""
        for frame in self.lexical():
            if name == frame.self_name and len(frame.scope.bindings.get(name, ())) <= 1:
                return frame
            if name in frame.scope.bindings:
                return None
        return None

    def name_of(self, node: int) -> str | None:
        """The variable an expression is, seen through narrowing."""
        for _ in range(8):
            if node < 0:
                return None
            fact = self.facts.nodes[node]
            if fact[0] in ("local", "free"):
                return str(fact[1])
            if fact[0] == "param":
                return self.facts.scopes[fact[1]].params[fact[2]].name
            if fact[0] != "narrow":
                return None
            node = fact[1]
        return None

    def origin(self, node: int) -> int:
        """The expression a local name was assigned, through any number of plain assignments; itself if none."""
        for _ in range(12):
            fact = self.facts.nodes[node]
            if fact[0] == "local" and fact[2] >= 0:
                node = fact[2]
            elif fact[0] == "narrow":
                node = fact[1]
            elif fact[0] == "annotated" and fact[2] >= 0:
                node = fact[2]
            elif fact[0] == "free":
                found = self._only_definition(str(fact[1]))
                if found is None:
                    return node
                node = found
            else:
                return node
        return node

    def _only_definition(self, name: str) -> int | None:
        for frame in self.lexical():
            if name in frame.scope.bindings:
                found = frame.scope.bindings[name]
                return found[0] if len(found) == 1 and found[0] >= 0 else None
        return None
