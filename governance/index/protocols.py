"""Protocols: which classes provide what a Protocol declares without naming it as a base."""

from __future__ import annotations

from governance.index import attributes, definitions
from governance.index.project import Project
from governance.index.solver import Solver
from governance.index.values import ClassId, FunctionId


class Protocols:
    """Structural subtyping by attributes and methods, as far as definitions alone tell; answers are kept."""

    def __init__(self, solver: Solver) -> None:
        self.solver = solver
        self.project: Project = solver.project
        self._declared: dict[ClassId, list[tuple[str, FunctionId, bool]]] = {}
        self._implements: dict[tuple[ClassId, ClassId], bool] = {}
        self._implementers: dict[ClassId, frozenset[ClassId]] = {}

    def implementers(self, protocol: ClassId) -> frozenset[ClassId]:
        """All classes that implement it."""
        known = self._implementers.get(protocol)
        if known is None:
            every = self.project.scopes("class") if self._methods(protocol) else ()
            known = frozenset(cls for cls in every if self.implements(cls, protocol))
            self._implementers[protocol] = known
        return known

    def implements(self, cls: ClassId, protocol: ClassId) -> bool:
        """Whether a class provides every attribute and method the Protocol declares, these with a compatible arity."""
        known = self._implements.get((cls, protocol))
        if known is None:
            known = self._provides(cls, self._methods(protocol)) and all(
                self._has(cls, name) for name in self.project.scope(protocol).annotations
            )
            self._implements[cls, protocol] = known
        return known

    def _methods(self, protocol: ClassId) -> list[tuple[str, FunctionId, bool]]:
        """Name, function, and whether it is a property, of every method that a Protocol declares."""
        known = self._declared.get(protocol)
        if known is None:
            known = self._declared[protocol] = []
            for name, numbers in self.project.scope(protocol).bindings.items():
                for number in numbers[-1:]:
                    node = self.project.node((protocol[0], number))
                    if node[0] == "function":
                        function = (protocol[0], node[1])
                        known.append((name, function, definitions.wrapper(self.solver, function) == "property"))
        return known

    def _provides(self, cls: ClassId, methods: list[tuple[str, FunctionId, bool]]) -> bool:
        classes = self.solver.classes
        if not methods or classes.is_protocol(cls):
            return False
        for name, declared, is_property in methods:
            found = classes.lookup(cls, name)
            if is_property:
                if not self._has(cls, name):
                    return False
                continue
            nodes = [(ref[0], self.project.node(ref)) for ref in (found[1] if found else ())]
            functions = [(module, node[1]) for module, node in nodes if node[0] == "function"]
            if not any(self._fits(each, declared) for each in functions):
                return False
        return True

    def _has(self, cls: ClassId, name: str) -> bool:
        """Whether instances of a class have an attribute; a base that is not known may give them any."""
        classes = self.solver.classes
        return (
            classes.lookup(cls, name) is not None
            or name in classes.fields(cls)
            or attributes.stores_itself(self.solver, cls, name)
            or "?" in classes.external_bases(cls)
            or classes.lookup(cls, "__getattr__") is not None
        )

    def _fits(self, function: FunctionId, declared: FunctionId) -> bool:
        """Whether a function takes the positional arguments that the declared one takes."""
        mine = self.project.scope(function)
        theirs = self.project.scope(declared)
        if mine.is_async != theirs.is_async:
            return False
        if any(each.kind == "vararg" for each in mine.params):
            return True
        wanted = [each for each in theirs.params if each.kind in ("positional", "normal")]
        given = [each for each in mine.params if each.kind in ("positional", "normal")]
        required = [each for each in given if each.default < 0]
        return len(required) <= len(wanted) <= len(given)
