"""Reach: which functions may, directly or through what they call, come to one of the sought symbols."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Final

from governance.index.values import FunctionId
from governance.paths.sought import Sought

if TYPE_CHECKING:
    from governance.index import Index

_IMPLICIT: Final = frozenset("__init__ __new__ __post_init__ __enter__ __exit__ __aenter__ __aexit__ __call__".split())
_IMPLICIT_NEXT: Final = frozenset("__iter__ __next__ __aiter__ __anext__ __getattr__ __getitem__".split())


class Reach:
    """Answers for one set of sought symbols. Names alone give an upper bound; resolved calls decide within it."""

    def __init__(self, index: Index, wanted: Sought) -> None:
        self.index = index
        self.wanted = wanted
        self._known: dict[FunctionId, bool] = {}

    def __call__(self, function: FunctionId) -> bool:
        """Whether running a function may run one of the sought."""
        known = self._known.get(function)
        if known is None:
            known = self._search(function)
        return known

    def _search(self, start: FunctionId) -> bool:
        seen = {start}
        todo = [start]
        while todo:
            function = todo.pop()
            if function in self.wanted.functions:
                self._known[start] = True
                return True
            if function not in self._named:
                continue
            hit, following_ones = self._next(function)
            if hit:
                self._known[start] = True
                return True
            for following in following_ones:
                if following not in seen:
                    if self._known.get(following):
                        self._known[start] = True
                        return True
                    seen.add(following)
                    todo.append(following)
        for function in seen:
            self._known[function] = False
        return False

    def _next(self, function: FunctionId) -> tuple[bool, list[FunctionId]]:
        """Whether a function itself runs one of the sought, and what it may run next, as far as the names tell."""
        found: list[FunctionId] = []
        for scope in self._subtree(function):
            for number, name in self.index.spelling.used[scope]:
                if name not in self._names:
                    continue
                values = self.index.values((function[0], number))
                if not values and name in self.wanted.names:
                    return True, found
                for value in values:
                    if value[0] in ("fn", "bm", "decorated"):
                        found.extend(self.index.overrides(value[1]))
                    elif value[0] in ("cls", "selfcls", "inst", "self"):
                        if value[1] in self.wanted.classes:
                            return True, found
                        found.extend(self._implicit(value[1]))
                    elif value[0] in ("ext", "xmeth"):
                        dotted = value[1] if value[0] == "ext" else f"{value[1]}.{value[2]}"
                        if dotted in self.wanted.externals:
                            return True, found
        return False, found

    def _implicit(self, cls: FunctionId) -> list[FunctionId]:
        found: list[FunctionId] = []
        for name in (*_IMPLICIT, *_IMPLICIT_NEXT):
            bound = self.index.classes.lookup(cls, name)
            for ref in bound[1] if bound else ():
                node = self.index.project.node(ref)
                if node[0] == "function":
                    found.append((ref[0], node[1]))
        return found

    def _subtree(self, function: FunctionId) -> list[FunctionId]:
        return [function, *self.index.spelling.nested.get(function, ())]

    @cached_property
    def _closure(self) -> tuple[frozenset[FunctionId], frozenset[str]]:
        project = self.index.project
        users = self.index.spelling.users
        names = set(self.wanted.names)
        for name in self.wanted.names:
            names |= project.aliases.get(name, set())
        todo = list(names)
        functions: set[FunctionId] = set()
        while todo:
            for function in users.get(todo.pop(), ()):
                if function in functions:
                    continue
                functions.add(function)
                for called in self._called_by(function):
                    for name in (called, *project.aliases.get(called, ())):
                        if name not in names:
                            names.add(name)
                            todo.append(name)
        return frozenset(functions), frozenset(names)

    def _called_by(self, function: FunctionId) -> list[str]:
        """The names through which a function may be run."""
        project = self.index.project
        name = project.scope(function).name
        owner = project.owning_class(function)
        if owner is not None and name in (*_IMPLICIT, *_IMPLICIT_NEXT):
            classes = self.index.subclasses(owner)
            # An instance may go by any name, so whoever makes or receives one is found by resolved values.
            return [project.scope(cls).name for cls in classes]
        return [name] if name else []

    @property
    def _named(self) -> frozenset[FunctionId]:
        return self._closure[0]

    @property
    def _names(self) -> frozenset[str]:
        return self._closure[1]
