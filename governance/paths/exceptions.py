"""Exceptions: what may be raised, and which handler catches it.

| kind                 | meaning |
|----------------------|---------|
| ("any",)             | some subclass of Exception |
| ("exit",)            | one that is no Exception: KeyboardInterrupt, SystemExit, GeneratorExit, CancelledError |
| ("builtin", name)    | a builtin exception class |
| ("project", C)       | an exception class of the project |
| ("external", dotted) | an exception class of another distribution |
"""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.index.values import Value
from governance.paths.outcomes import Kind

if TYPE_CHECKING:
    from governance.index import Index

ANY: Final[Kind] = ("any",)
EXIT: Final[Kind] = ("exit",)
CANCELLED: Final[Kind] = ("builtin", "CancelledError")
GENERATOR_EXIT: Final[Kind] = ("builtin", "GeneratorExit")

MUST, MAY, NO = "must", "may", "no"

_NOT_EXCEPTIONS: Final = frozenset(("KeyboardInterrupt", "SystemExit", "GeneratorExit", "CancelledError"))
_CANCELLED: Final = frozenset(("asyncio.CancelledError", "asyncio.exceptions.CancelledError"))
_UNKNOWN: Final = frozenset(("?",))


class Exceptions:
    """Answers about exception classes of one project."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._ancestors: dict[Kind, frozenset[object]] = {}

    def caught(self, kind: Kind, handler: Kind | None) -> str:
        """Whether a handler for a class (None: not known which) catches what is raised: must, may or no."""
        if handler is None:
            return MAY
        if handler == ("builtin", "BaseException"):
            return MUST
        above = self.ancestors(handler)
        if kind == ANY:
            if handler == ("builtin", "Exception"):
                return MUST
            return NO if self.is_exit(handler) else MAY
        if kind == EXIT:
            return MAY if self.is_exit(handler) or "?" in above else NO
        own = self.ancestors(kind)
        if _name(handler) in own:
            return MUST
        if _name(kind) in above or "?" in above or "?" in own:
            return MAY
        return NO

    def is_exit(self, kind: Kind) -> bool:
        """Whether it is no Exception, so that `except Exception` lets it pass."""
        if kind == EXIT:
            return True
        return kind != ANY and not {"Exception", "?"} & self.ancestors(kind) and kind != ("builtin", "BaseException")

    def ancestors(self, kind: Kind) -> frozenset[object]:
        """The names of a class and of all its bases (project classes as their id); "?" for an unknown base."""
        known = self._ancestors.get(kind)
        if known is None:
            known = self._ancestors[kind] = self._find(kind)
        return known

    def _find(self, kind: Kind) -> frozenset[object]:
        if kind == ANY:
            return frozenset(("Exception", "BaseException"))
        if kind == EXIT:
            return frozenset(("BaseException",))
        if kind[0] == "builtin":
            return frozenset(_builtin_line(str(kind[1])))
        if kind[0] == "external":
            # Foreign exceptions are taken to be Exceptions: hardly any library defines another.
            return frozenset((kind[1], "Exception", "BaseException", "?"))
        found: set[object] = {kind[1]}
        cls: tuple[str, int] = kind[1]
        found.update(self.index.mro(cls))
        for base in self.index.external_bases(cls):
            line = self.of_dotted(base) if base != "?" else None
            found.update(self.ancestors(line) if line else _UNKNOWN)
        return frozenset(found)

    def of_dotted(self, dotted: str) -> Kind | None:
        """The class an external name stands for; None if a builtin of that name is no exception."""
        if dotted in _CANCELLED:
            return CANCELLED
        module, _, name = dotted.rpartition(".")
        if module == "builtins":
            if name in ("EnvironmentError", "IOError"):
                return ("builtin", "OSError")
            found = getattr(builtins, name, None)
            is_exception = isinstance(found, type) and issubclass(found, BaseException)
            return ("builtin", name) if is_exception else None
        return ("external", dotted)

    def of_handler(self, module: str, types: int) -> list[Kind | None]:
        """The classes an `except` clause names; None stands for one that is not known. [] never."""
        ref = (module, types)
        node = self.index.project.node(ref)
        if node[0] == "at":
            return [("builtin", "BaseException")]
        if node[0] == "tuple":
            return [kind for each in node[1] for kind in self.of_handler(module, each)] or [None]
        if node[0] == "star":
            return self.of_handler(module, node[1])
        kinds: list[Kind | None] = []
        for value in self.index.values(ref):
            if value[0] in ("cls", "selfcls"):
                kinds.append(("project", value[1]))
            elif value[0] == "ext":
                kinds.append(self.of_dotted(value[1]))
            elif value[0] == "cont":
                kinds.extend(self._elements(value))
            else:
                kinds.append(None)
        return sorted(kinds, key=repr) or [None]

    def _elements(self, container: tuple[object, ...]) -> list[Kind | None]:
        keys: tuple[tuple[object, ...], ...] = container[2]  # type: ignore[assignment]
        kinds: list[Kind | None] = []
        for key in keys:
            if key[0] == "varargs":
                # `except kinds` with `*kinds`: known only if all callers agree.
                given = self.index.solver.ask(key)
                named = {self._of_class(value) for value in given}
                if len(named) != 1:
                    return [None]
                kinds += named
                continue
            site = self.index.project.node((str(key[1]), int(str(key[2])))) if key[0] in ("n", "elem") else ["?"]
            if key[0] != "n" and site[0] != "tuple":  # `(*SOME, Error)`, kept under a name
                return [None]
            kinds.extend(self.of_handler(str(key[1]), int(str(key[2]))))
        return kinds or [None]

    def _of_class(self, value: Value) -> Kind | None:
        if value[0] in ("cls", "selfcls"):
            return ("project", value[1])
        return self.of_dotted(value[1]) if value[0] == "ext" else None

    def of_raise(self, ref: Ref) -> list[Kind]:
        """The classes `raise X` may raise: X is a class or an instance."""
        kinds: list[Kind] = []
        for value in self.index.values(ref):
            if value[0] in ("cls", "selfcls", "inst", "self"):
                kinds.append(("project", value[1]))
            elif value[0] in ("ext", "xinst"):
                kinds.append(self.of_dotted(value[1]) or ANY)
        return sorted(set(kinds), key=repr) or [ANY]


def _builtin_line(name: str) -> list[str]:
    if name == "CancelledError":
        return [name, "BaseException"]
    found = getattr(builtins, name, None)
    if isinstance(found, type) and issubclass(found, BaseException):
        return [each.__name__ for each in found.__mro__ if each is not object]
    # A builtin exception of a newer Python than the one that runs.
    return [name, "BaseException"] if name in _NOT_EXCEPTIONS else [name, "Exception", "BaseException"]


def _name(kind: Kind) -> object:
    return kind[1] if len(kind) > 1 else kind
