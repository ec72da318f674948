"""Callers: every place that calls a function or takes a reference to it, and how certain that is.

A reference counts where it is taken: a function handed to an executor, kept in a table or returned is reached by who
takes it, so nobody has to know who calls it in the end. What the language calls by itself (`__add__`, `__iter__`,
`__enter__`) has no such place and is not followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from governance.contract import Ref
from governance.findings import Grade
from governance.index import definitions
from governance.index.index import Index
from governance.index.project import ScopeId
from governance.index.taken import Site, sites
from governance.index.uses import use
from governance.index.values import ClassId, FunctionId, class_of

_MADE: Final = frozenset(("__init__", "__new__", "__post_init__"))
_WRAPPING: Final = ("builtins.", "abc.", "typing.", "typing_extensions.", "functools.", "contextlib.", "enum.")
"""Where decorators come from that wrap a function and hand it to nobody."""


@dataclass(frozen=True, slots=True)
class Caller:
    """One place at which a function is reached. by: the function, class body or module the place stands in;
    how: "is called", "is handed to f", "is kept" ..."""

    ref: Ref
    by: ScopeId
    how: str
    grade: Grade


class Callers:
    """The callers of the functions and classes of a project; those in modules of `ignored` are not looked for."""

    def __init__(self, index: Index, ignored: Container[str] = ()) -> None:
        self.index = index
        self.ignored = ignored

    def of(self, scope: ScopeId) -> list[Caller]:
        """Everything that reaches a function directly, or names a class to make something of it, in the order of the
        code; access by a computed name is POSSIBLE, a receiver that nothing is known about UNRESOLVED."""
        if self.index.project.scope(scope).kind == "class":
            found = [*self._making(scope), *self._by_decorator(scope)]
        else:
            found = [*self._by_name(scope), *self._by_attribute(scope), *self._by_decorator(scope)]
        best: dict[Ref, Caller] = {}
        for each in found:
            if each.ref not in best or best[each.ref].grade < each.grade:
                best[each.ref] = each
        return sorted(best.values(), key=lambda each: each.ref)

    @cached_property
    def _loads(self) -> dict[str, list[Ref]]:
        """Loads of plain names."""
        found: defaultdict[str, list[Ref]] = defaultdict(list)
        for name, module in self.index.project.modules.items():
            if name in self.ignored:
                continue
            for number, node in enumerate(module.facts.nodes):
                if node[0] in ("local", "free"):
                    found[node[1]].append((name, number))
        return dict(found)

    def _by_name(self, function: FunctionId) -> Iterator[Caller]:
        project = self.index.project
        owner = project.owning_class(function)
        name = project.scope(function).name
        names = {name}
        if owner is not None:
            # A class is called by its own name, and its subclasses by theirs.
            classes = self.index.subclasses(owner) if name in _MADE else ()
            names = {project.scope(each).name for each in classes}
        for ref in self._named(names, classes=owner is not None):
            yield from self._reached(function, ref)
        if name in _MADE:
            for ref in self._own_classes():
                yield from self._reached(function, ref)
        elif name == "__call__":
            for call in project.all_calls:
                if call[0] not in self.ignored:
                    yield from self._called(function, call)

    def _making(self, cls: ClassId) -> Iterator[Caller]:
        for ref in self._named({self.index.project.scope(cls).name}, classes=True):
            evidence = self.index.values(ref).get(("cls", cls))
            if evidence is not None:
                yield from self._used(ref, Grade(evidence.grade))
        for ref in self._own_classes():
            evidence = self.index.values(ref).get(("selfcls", cls))
            if evidence is not None:
                yield from self._used(ref, Grade(evidence.grade))

    def _own_classes(self) -> Iterator[Ref]:
        """Ways for a class to name itself: `cls`, `self.__class__`, `type(self)`."""
        yield from self._loads.get("cls", ())
        for ref in (*self.index.project.attr_loads("__class__"), *self.index.project.calls("type")):
            if ref[0] not in self.ignored:
                yield ref

    def _called(self, function: FunctionId, call: Ref) -> Iterator[Caller]:
        """Objects that are called themselves."""
        callee = (call[0], self.index.project.node(call)[1])
        grades = [each.grade for each in self.index.runs(callee) if each.function == function]
        if grades:
            yield self._caller(callee, "is called", max(grades))

    def _named(self, names: set[str], classes: bool) -> Iterator[Ref]:
        """Loads of these names, and of the aliases they are imported under; classes: of attributes as well."""
        project = self.index.project
        for each in sorted(names.union(*(project.aliases.get(each, ()) for each in names))):
            yield from self._loads.get(each, ())
            yield from (ref for ref in project.attr_loads(each) if classes and ref[0] not in self.ignored)

    def _by_attribute(self, function: FunctionId) -> Iterator[Caller]:
        project = self.index.project
        owner = project.owning_class(function)
        name = project.scope(function).name
        read = owner is not None and definitions.wrapper(self.index.solver, function) == "property"
        for site in sites(self.index, name):
            if site.ref[0] in self.ignored:
                continue
            if site.name is not None:
                yield from self._dynamic(function, site, owner, name)
            elif read:
                found = self.index.classes_of(site.receiver)
                grades = [grade for cls, (grade, _) in found.items() if cls in self.index.subclasses(owner or cls)]
                if grades:
                    yield self._caller(site.ref, "is read", max(grades))
            elif project.node(site.ref)[0] != "attr":
                continue
            elif not self.index.values(site.ref) and owner and self.index.vague(site.receiver) is not None:
                yield from self._used(site.ref, Grade.UNRESOLVED)
            else:
                yield from self._reached(function, site.ref)

    def _dynamic(self, function: FunctionId, site: Site, owner: ClassId | None, name: str) -> Iterator[Caller]:
        """`getattr(x, "run")`, `methodcaller("run")(x)`, and the same with a name that is computed."""
        assert site.name is not None
        values = self.index.values(site.name)
        words = {value[2] for value in values if value[:2] == ("const", "str")}
        if words and name not in words:
            return
        index = self.index
        held = index.elements(site.receiver) if site.each else index.values(site.receiver)
        if not words:
            if owner is not None and any(class_of(value) in index.subclasses(owner) for value in held):
                yield self._caller(site.ref, "is one of those taken by a computed name", Grade.POSSIBLE)
            return
        taken = index.loaded({value: Grade(evidence.grade) for value, evidence in held.items()}, name)
        grades = [Grade(evidence.grade) for value, evidence in taken.items() if function in (value[1:2] or ())]
        if grades and site.calls:
            yield self._caller(site.ref, "is called", max(grades))
        elif grades:
            yield from self._used(site.ref, max(grades))

    def _by_decorator(self, scope: ScopeId) -> Iterator[Caller]:
        """A decorator is handed the function or class it stands on."""
        project = self.index.project
        for number in project.scope(scope).decorators:
            ref = (scope[0], number)
            called = (scope[0], project.node(ref)[1]) if project.node(ref)[0] == "call" else ref
            if not self._only_wraps(called):
                yield self._caller(ref, "is a decorator of it", Grade.DEFINITE)

    def _only_wraps(self, decorator: Ref) -> bool:
        node = self.index.project.node(decorator)
        if node[0] == "attr" and node[2] in ("setter", "getter", "deleter"):
            return True
        return any(dotted.startswith(_WRAPPING) for dotted in self.index.names.dotted(decorator))

    def _reached(self, function: FunctionId, ref: Ref) -> Iterator[Caller]:
        grades = [each.grade for each in self.index.runs(ref) if each.function == function]
        if grades:
            yield from self._used(ref, max(grades))

    def _used(self, ref: Ref, grade: Grade) -> Iterator[Caller]:
        how = use(self.index, ref)
        if how is not None:
            yield self._caller(ref, how, grade)

    def _caller(self, ref: Ref, how: str, grade: Grade) -> Caller:
        return Caller(ref, self._by(ref), how, grade)

    def _by(self, ref: Ref) -> ScopeId:
        """The function a place stands in: a lambda counts as part of the function that writes it."""
        project = self.index.project
        around = project.enclosing(project.owner(ref))
        return next(each for each in around if project.scope(each).kind in ("function", "module"))
