"""Layering: which layer a module stands in, and which layer may use which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.findings import Grade
from governance.index import Callee, Index
from governance.index.names import Entity
from governance.index.project import ScopeId
from governance.index.values import FunctionId, Key

if TYPE_CHECKING:
    from governance.contracts.layers import Options


@dataclass(frozen=True)
class Layering:
    """The configured layers over one project."""

    index: Index
    options: Options
    patterns: tuple[tuple[str, re.Pattern[str], int], ...]
    """(pattern, what it matches, number of its layer), the most specific first."""
    sure: Grade = Grade.DEFINITE

    @staticmethod
    def of(index: Index, options: Options) -> Layering:
        """The layers of a project."""
        listed = [
            (pattern, compiled(pattern), number)
            for number, layer in enumerate(options.order)
            for pattern in options.modules[layer]
        ]
        listed.sort(key=lambda each: (each[0].count("*"), -len(each[0])))
        return Layering(index, options, tuple(listed))

    def layer(self, module: str) -> int | None:
        """The number of a module's layer, 0 on top; None for a module in no layer, composition roots included."""
        known = self._layers.get(module, -1)
        if known == -1:
            known = None if self.is_root(module) or self.is_outside(module) else self._matched(module)
            self._layers[module] = known
        return known

    @cached_property
    def _layers(self) -> dict[str, int | None]:
        return {}

    def _matched(self, module: str) -> int | None:
        return next((number for _, pattern, number in self.patterns if pattern.fullmatch(module)), None)

    @cached_property
    def _roots(self) -> list[re.Pattern[str]]:
        return [compiled(pattern) for pattern in self.options.composition_roots]

    @cached_property
    def _neutral(self) -> list[re.Pattern[str]]:
        return [compiled(pattern) for pattern in self.options.neutral]

    def is_root(self, module: str) -> bool:
        """Whether a module is a composition root."""
        return any(pattern.fullmatch(module) for pattern in self._roots)

    @cached_property
    def _outside(self) -> list[re.Pattern[str]]:
        return [compiled(pattern) for pattern in self.options.outside]

    def is_outside(self, module: str) -> bool:
        """Whether a module is no part of the program."""
        return any(pattern.fullmatch(module) for pattern in self._outside)

    def is_declared(self, module: str) -> bool:
        """Whether the configuration says where a module stands."""
        declared = self.layer(module) is not None or self.is_root(module) or self.is_outside(module)
        return declared or any(pattern.fullmatch(module) for pattern in self._neutral)

    def crossing(self, user: int, used: int) -> str | None:
        """How layer `user` breaks the order by using layer `used`: "skipped", "upward", or None if it may."""
        if used < user:
            return "upward"
        allowed = user + (len(self.options.order) if self.options.skip else 1)
        return "skipped" if used > allowed else None

    def name(self, layer: int) -> str:
        """The layer's name."""
        return self.options.order[layer]

    def told(self, user: int, used: int) -> str:
        """The crossing in words."""
        order = self.options.order
        if used < user:
            return f"{order[used]} is above {order[user]}"
        return f"{order[user]} may only use {order[user + 1]}"

    @cached_property
    def layered(self) -> list[tuple[str, int]]:
        """Every module that stands in a layer, with its layer."""
        return [(name, layer) for name in self.index.project.modules if (layer := self.layer(name)) is not None]

    def where(self, ref: Ref) -> str:
        """The enclosing function as messages name it."""
        project = self.index.project
        return project.qualname(project.owner(ref)) or f"module {ref[0]}"

    def functions(self, scope: ScopeId) -> list[ScopeId]:
        """The functions a place stands in, innermost first."""
        project = self.index.project
        return [each for each in project.enclosing(scope) if project.scope(each).kind in ("function", "lambda")]

    @cached_property
    def by_value(self) -> dict[FunctionId, list[tuple[Ref, Callee]]]:
        """Calls of functions that came as values: through a parameter, an element, an attribute of an object."""
        index, project = self.index, self.index.project
        indirect = [ref for ref in project.indirect_calls if self.layer(ref[0]) is not None or self._is_kept(ref)]
        stored = [ref for ref in project.all_calls if self._is_held(ref) or self._is_variable(ref)]
        found: dict[FunctionId, list[tuple[Ref, Callee]]] = {}
        for ref in dict.fromkeys((*indirect, *stored)):
            for callee in index.callees(ref):
                if not self._decorates(ref, callee.function):
                    found.setdefault(callee.function, []).append((ref, callee))
        return found

    def _decorates(self, call: Ref, function: FunctionId) -> bool:
        """Whether a decorator calls what it decorates: the caller of the decorated function asked for that."""
        solver, project = self.index.solver, self.index.project
        callee = project.node(call)[1]
        for called in self.index.values((call[0], callee)):
            if called[0] not in ("fn", "bm") or called[1] != function:
                continue
            key: Key = ("n", call[0], callee)
            value = called
            for _ in range(_STEPS):
                evidence = solver.ask(key).get(value)
                if evidence is None or evidence.source is None or evidence.value is None:
                    break
                if evidence.note == "decorates":
                    return key[1:3] in project.enclosing(project.owner(call))  # else it was kept, and called elsewhere
                key, value = evidence.source, evidence.value
        return False

    def _is_kept(self, call: Ref) -> bool:
        """`for run in _runs: run()`: what is called was taken out of a container of the module."""
        project = self.index.project
        number = project.node(call)[1]
        for _ in range(_STEPS):
            node = project.node((call[0], number))
            if node[0] == "local" and node[2] >= 0:
                number = node[2]
            elif node[0] in ("item", "sub"):
                number = node[1]
            else:
                return bool(node[0] == "free") and number != project.node(call)[1]
        return False

    def _is_held(self, call: Ref) -> bool:
        """`self._run(...)` where something is stored under that name."""
        project = self.index.project
        callee = project.node((call[0], project.node(call)[1]))
        return bool(callee[0] == "attr" and callee[2] in self._held)

    def _is_variable(self, call: Ref) -> bool:
        """`post_now(...)` in a layer, where that is a variable of a module."""
        if self.layer(call[0]) is None:
            return False
        project, names = self.index.project, self.index.names
        callee = (call[0], project.node(call)[1])
        node = project.node(callee)
        if node[0] == "attr" and all(base[0] != "mod" for base in names.resolve((call[0], node[1]))):
            return False
        known = names.resolve(callee)
        return node[0] in ("free", "local", "attr") and (not known or any(each[0] == "node" for each in known))

    @cached_property
    def _held(self) -> frozenset[str]:
        """Attributes that a function may have been stored in."""
        names = set()
        for module in self.index.project.modules.values():
            nodes = module.facts.nodes
            names |= {node[2] for node in nodes if node[0] == "store_attr" and nodes[node[3]][0] in _MAY_BE_FUNCTION}
            names |= {name for scope in module.facts.scopes if scope.kind == "class" for name in scope.annotations}
        return frozenset(names)


_STEPS: Final = 12
_MAY_BE_FUNCTION: Final = frozenset(("local", "free", "attr", "function", "or", "ifexp", "phi", "narrow", "call"))
_PART: Final = {"**": r"[^.]+(?:\.[^.]+)*", "*": r"[^.]+"}


def compiled(pattern: str) -> re.Pattern[str]:
    """What a module pattern means: that module and everything below it."""
    parts = [_PART.get(part) or re.escape(part).replace(r"\*", "[^.]*") for part in pattern.split(".")]
    return re.compile(r"\.".join(parts) + r"(?:\..*)?")


def home_of(entity: Entity) -> str | None:
    """The module that defines an entity, None for what lies outside of the project."""
    if entity[0] in ("cls", "fn"):
        return str(entity[1][0])
    return str(entity[1]) if entity[0] in ("mod", "node") else None
