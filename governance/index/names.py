"""Names: what a dotted expression refers to, by scopes and imports alone, without following values.

Class bases, decorators and annotations are answered here; everything that needs the flow of values is the solver's.
An entity is ("cls", C), ("fn", F), ("mod", name), ("ext", dotted) or ("node", module, number): a definition that is
neither class nor function nor import (an alias, a TypeVar, a constant).
"""

from __future__ import annotations

import builtins
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias

from governance.contract import Ref
from governance.index.project import Project, ScopeId

Entity: TypeAlias = "tuple[Any, ...]"

_BUILTINS: Final = frozenset(dir(builtins))
_ROUNDS: Final = 20


class Names:
    """Static name resolution over a project."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._known: dict[object, tuple[Entity, ...]] = {}
        self._found: dict[object, tuple[Entity, ...]] = {}
        """What has been answered in the round under way, and what was in the one before it."""
        self._before: dict[object, tuple[Entity, ...]] = {}
        self._active: set[object] = set()
        self._stars: set[object] = set()
        self._circular = False

    def resolve(self, ref: Ref) -> tuple[Entity, ...]:
        """The entities an expression may refer to; several if a name is bound on several paths, () if not known."""
        return self._answer(ref, self._resolve, ref)

    def _answer(self, key: object, ask: Callable[..., Iterable[Entity]], *about: Any) -> tuple[Entity, ...]:
        """The answer to a question that may lead back to itself.

        Names that are defined by each other are asked in rounds, each once a round, with what the round before has
        found where they lead back, until a round finds the same as the one before it.
        """
        for answers in (self._known, self._found):
            if key in answers:
                return answers[key]
        if key in self._active:
            self._circular = True
            return self._before.get(key, ())
        if self._active:
            return self._asked(key, ask, *about)
        try:
            for _ in range(_ROUNDS):
                self._circular = False
                result = self._asked(key, ask, *about)
                if not self._circular or self._found == self._before:
                    break
                self._before, self._found = self._found, {}
            self._known.update(self._found or self._before)
        finally:
            self._found, self._before = {}, {}
        return result

    def _asked(self, key: object, ask: Callable[..., Iterable[Entity]], *about: Any) -> tuple[Entity, ...]:
        self._active.add(key)
        try:
            result = tuple(dict.fromkeys(ask(*about)))
        finally:
            self._active.discard(key)
        self._found[key] = result
        return result

    @cached_property
    def module_stores(self) -> dict[tuple[str, str], list[Ref]]:
        """`module.name = value` written anywhere: the stores, by module and name."""
        found: defaultdict[tuple[str, str], list[Ref]] = defaultdict(list)
        for ref in self.project.nodes("store_attr"):
            node = self.project.node(ref)
            if self.project.node((ref[0], node[1]))[0] in ("local", "free", "attr"):
                for entity in self.resolve((ref[0], node[1])):
                    if entity[0] == "mod":
                        found[entity[1], node[2]].append(ref)
        return dict(found)

    def _resolve(self, ref: Ref) -> list[Entity]:
        module, number = ref
        node = self.project.node(ref)
        op = node[0]
        if op == "class":
            return [("cls", (module, node[1]))]
        if op == "function":
            return [("fn", (module, node[1]))]
        if op == "local":
            return list(self.resolve((module, node[2]))) if node[2] >= 0 else []
        if op == "narrow":
            return list(self.resolve((module, node[1])))
        if op == "annotated":
            return [("node", module, number)] if node[2] < 0 else self._through(module, number, node[2])
        if op in ("phi", "and", "or"):
            return [entity for each in node[1] for entity in self.resolve((module, each))]
        if op == "ifexp":
            return [*self.resolve((module, node[2])), *self.resolve((module, node[3]))]
        if op in ("import", "import_as"):
            return self.imported(module, node)
        if op == "free":
            return self.lookup((module, node[2]), node[1])
        if op == "attr":
            return [found for base in self.resolve((module, node[1])) for found in self.attribute(base, node[2])]
        return [("node", module, number)]

    def _through(self, module: str, number: int, value: int) -> list[Entity]:
        """`X: TypeAlias = Y` and `x: type[P] = P` are the value if that is a name, else the definition itself."""
        found = [entity for entity in self.resolve((module, value)) if entity[0] in ("cls", "fn", "mod", "ext")]
        return found or [("node", module, number)]

    def absolute(self, module: str, level: int, name: str) -> str | None:
        """The absolute name of an import; None if a relative one climbs out of the project."""
        if level == 0:
            return name
        parts = module.split(".")
        if not self.project.modules[module].is_package:
            parts = parts[:-1]
        if level - 1 > len(parts):
            return None
        parts = parts[: len(parts) - (level - 1)]
        return ".".join([*parts, name] if name else parts)

    def imported(self, module: str, node: list[Any]) -> list[Entity]:
        """What an `import` or `import_as` node binds."""
        _, level, name, member = node
        target = self.absolute(module, level, name or "")
        if target is None:
            return []
        if member is None:
            if node[0] == "import":
                target = target.partition(".")[0]
            return [self.module(target)]
        if member == "*":
            return []
        return self.member(target, member)

    def module(self, name: str) -> Entity:
        """A module of the project, or an external name. A package without a file of its own counts as project."""
        if name in self.project.modules or name in self.project.packages:
            return ("mod", name)
        return ("ext", name)

    def member(self, module: str, name: str) -> list[Entity]:
        """What `from module import name` gives."""
        if self.module(module)[0] == "ext":
            return [("ext", f"{module}.{name}")]
        return list(self._answer(("member", module, name), self._member, module, name))

    def _member(self, module: str, name: str) -> list[Entity]:
        found = [entity for ref in self.definitions(module, name) for entity in self.resolve(ref)]
        if not found and self.module(f"{module}.{name}")[0] == "mod":
            return [("mod", f"{module}.{name}")]
        return found

    def definitions(self, module: str, name: str) -> list[Ref]:
        """The nodes that define a module-level name, through star imports; [] if the module does not define it."""
        if module not in self.project.modules:
            return []
        facts = self.project.modules[module].facts
        scope = facts.scopes[0]
        if name in scope.bindings:
            numbers = scope.bindings[name]
            if name in scope.final and name not in scope.rebound:
                numbers = [scope.final[name]]
            later = [star for star in scope.star_imports if star > max(numbers)]
            return self._starred(module, name, later) or [(module, number) for number in numbers if number >= 0]
        return self._starred(module, name, scope.star_imports)

    def _starred(self, module: str, name: str, stars: Sequence[int]) -> list[Ref]:
        """What the last of some star imports that gives a name gives."""
        facts = self.project.modules[module].facts
        for star in reversed(stars):
            node = facts.nodes[star]
            target = self.absolute(module, node[1], node[2] or "")
            key = ("star", module, target, name)
            if target is None or key in self._stars:
                continue
            self._stars.add(key)
            try:
                if self.exported(target, name):
                    found = self.definitions(target, name)
                    if found:
                        return found
            finally:
                self._stars.discard(key)
        return []

    def exported(self, module: str, name: str) -> bool:
        """Whether `from module import *` gives the name."""
        if module not in self.project.modules:
            return False
        exports = self.project.modules[module].facts.scopes[0].exports
        return name in exports if exports is not None else not name.startswith("_")

    def external_stars(self, module: str) -> list[str]:
        """External modules a module star-imports: any unknown name may come from them."""
        facts = self.project.modules[module].facts
        result = []
        for star in facts.scopes[0].star_imports:
            node = facts.nodes[star]
            target = self.absolute(module, node[1], node[2] or "")
            if target is not None and self.module(target)[0] == "ext":
                result.append(target)
        return result

    def binding(self, scope: ScopeId, name: str) -> list[Ref] | None:
        """The definitions a name has when looked up from a scope outwards; None if no scope of the module binds it."""
        module, _ = scope
        facts = self.project.modules[module].facts
        for position, (_, number) in enumerate(self.project.enclosing(scope)):
            current = facts.scopes[number]
            if number == 0:
                break
            if current.kind == "class" and position > 0:
                continue
            if name in current.global_names:
                break
            if name in current.nonlocal_names:
                continue
            if name in current.bindings:
                return [(module, each) for each in current.bindings[name] if each >= 0]
            for parameter, node in current.type_params:
                if parameter == name:
                    return [(module, node)]
        found = self.definitions(module, name)
        return found or None

    def lookup(self, scope: ScopeId, name: str) -> list[Entity]:
        """What a name refers to from a scope outwards, the module and the builtins included."""
        found = self.binding(scope, name)
        if found is not None:
            return [entity for ref in found for entity in self.resolve(ref)]
        if name in _BUILTINS:
            return [("ext", f"builtins.{name}")]
        return [("ext", f"{star}.{name}") for star in self.external_stars(scope[0])]

    def attribute(self, base: Entity, name: str) -> list[Entity]:
        """An attribute of a module, class or external name."""
        kind = base[0]
        if kind == "mod":
            return self.member(base[1], name)
        if kind == "ext":
            return [("ext", f"{base[1]}.{name}")]
        if kind == "cls":
            module, number = base[1]
            scope = self.project.modules[module].facts.scopes[number]
            return [entity for each in scope.bindings.get(name, ()) for entity in self.resolve((module, each))]
        return []

    def dotted(self, ref: Ref) -> set[str]:
        """External dotted names among the entities of an expression."""
        return {entity[1] for entity in self.resolve(ref) if entity[0] == "ext"}
