"""The project: facts of all modules, joined by name tables. What is *where*; what things *are* is the solver's part."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from governance.contract import Ref
from governance.facts import ModuleFacts, Node, Scope
from governance.index import graph
from governance.index.site_names import site_names
from governance.index.values import FunctionId

ScopeId: TypeAlias = "tuple[str, int]"


@dataclass(frozen=True, slots=True)
class Module:
    """One source file under its dotted name; `path` is relative to the project root, with forward slashes."""

    name: str
    path: str
    facts: ModuleFacts
    is_package: bool = False


@dataclass(slots=True)
class _Tables:
    attr_loads: defaultdict[str, list[Ref]]
    attr_stores: defaultdict[str, list[Ref]]
    item_stores: defaultdict[str, list[Ref]]
    calls: defaultdict[str, list[Ref]]
    mentions: defaultdict[str, list[Ref]]
    indirect: list[Ref]
    by_op: defaultdict[str, list[Ref]]


class Project:
    """All modules of one scan. Lookups by name are built once, on first use."""

    def __init__(self, modules: Iterable[Module]) -> None:
        self.modules: dict[str, Module] = {module.name: module for module in modules}
        self._users: dict[str, dict[int, list[int]]] = {}
        self._sites: dict[str, dict[int, set[str]]] = {}
        self._calls: dict[str, dict[int, list[int]]] = {}

    def node(self, ref: Ref) -> Node:
        """The node itself."""
        return self.modules[ref[0]].facts.nodes[ref[1]]

    def scope(self, scope: ScopeId) -> Scope:
        """The scope itself."""
        return self.modules[scope[0]].facts.scopes[scope[1]]

    def owner(self, ref: Ref) -> ScopeId:
        """The scope in which a node stands."""
        return (ref[0], self.modules[ref[0]].facts.owner[ref[1]])

    def enclosing(self, scope: ScopeId) -> Iterator[ScopeId]:
        """The scope and those around it, innermost first, the module last."""
        module, number = scope
        scopes = self.modules[module].facts.scopes
        while number >= 0:
            yield (module, number)
            number = scopes[number].parent

    def definition(self, scope: ScopeId) -> Ref | None:
        """The node that defines a class or function; None for a module."""
        node = self.scope(scope).node
        return (scope[0], node) if node >= 0 else None

    def qualname(self, scope: ScopeId) -> str:
        """`Class.method`; "" for a module; lambdas are `<lambda>`."""
        names = [self.scope(each).name or "<lambda>" for each in self.enclosing(scope) if each[1] != 0]
        return ".".join(reversed(names))

    def symbol(self, scope: ScopeId) -> str:
        """`pkg.mod:Class.method`."""
        qualname = self.qualname(scope)
        return f"{scope[0]}:{qualname}" if qualname else scope[0]

    def owning_class(self, scope: ScopeId) -> ScopeId | None:
        """The class in whose body a function is defined directly."""
        parent = self.scope(scope).parent
        if parent >= 0 and self.modules[scope[0]].facts.scopes[parent].kind == "class":
            return (scope[0], parent)
        return None

    def scopes(self, kind: str) -> Iterator[ScopeId]:
        """All scopes of a kind: module, class, function, lambda."""
        for name, module in self.modules.items():
            for number, scope in enumerate(module.facts.scopes):
                if scope.kind == kind:
                    yield (name, number)

    def child(self, scope: ScopeId, name: str) -> ScopeId | None:
        """The class or function of that name defined directly in a scope; the last one if there are several."""
        facts = self.modules[scope[0]].facts
        found: ScopeId | None = None
        for node in facts.scopes[scope[1]].bindings.get(name, ()):
            if facts.nodes[node][0] in ("function", "class"):
                found = (scope[0], facts.nodes[node][1])
        return found

    def children(self, scope: ScopeId, name: str) -> list[ScopeId]:
        """All classes and functions of that name defined directly in a scope (overloads, conditional definitions)."""
        facts = self.modules[scope[0]].facts
        nodes = facts.scopes[scope[1]].bindings.get(name, ())
        return [(scope[0], facts.nodes[node][1]) for node in nodes if facts.nodes[node][0] in ("function", "class")]

    def split(self, symbol: str) -> tuple[str, str]:
        """`pkg.mod:Class.method` or, without a colon, the longest module prefix -> (module, rest)."""
        if ":" in symbol:
            module, _, rest = symbol.partition(":")
            return module, rest
        parts = symbol.split(".")
        for count in range(len(parts), 0, -1):
            name = ".".join(parts[:count])
            if name in self.modules:
                return name, ".".join(parts[count:])
        return symbol, ""

    def find(self, symbol: str) -> ScopeId | None:
        """The module, class or function a symbol names where it is defined; None if nothing is defined there."""
        module, rest = self.split(symbol)
        if module not in self.modules:
            return None
        scope: ScopeId = (module, 0)
        for name in rest.split(".") if rest else ():
            if name == "<locals>":
                continue
            inner = self.child(scope, name)
            if inner is None:
                return None
            scope = inner
        return scope

    def suggest(self, symbol: str) -> str:
        """The nearest existing symbol, "" if none is near: same last name first, else by spelling."""
        module, rest = self.split(symbol)
        last = (rest or module).rpartition(".")[2]
        symbols = [self.symbol(scope) for kind in ("class", "function") for scope in self.scopes(kind)]
        same = [each for each in symbols if each.rpartition(":")[2].rpartition(".")[2] == last]
        names = same or [*symbols, *self.modules]
        near = difflib.get_close_matches(f"{module}:{rest}" if rest else module, names, n=1, cutoff=0.5)
        return near[0] if near else (same[0] if same else "")

    def users(self, ref: Ref) -> list[Ref]:
        """The nodes that have this one as an operand."""
        module = ref[0]
        if module not in self._users:
            self._users[module] = graph.users(self.modules[module].facts)
        return [(module, node) for node in self._users[module].get(ref[1], ())]

    def text(self, ref: Ref) -> str:
        """Short source-like text of an expression."""
        return graph.text(self.modules[ref[0]].facts, ref[1])

    def attr_loads(self, name: str) -> list[Ref]:
        """All loads of an attribute of that name."""
        return self._tables.attr_loads.get(name, [])

    def attr_stores(self, name: str) -> list[Ref]:
        """All stores to an attribute of that name."""
        return self._tables.attr_stores.get(name, [])

    def item_stores(self, base: str) -> list[Ref]:
        """All `base[...] = value` where the base goes by that last name."""
        return self._tables.item_stores.get(base, [])

    def calls(self, name: str) -> list[Ref]:
        """All calls whose callee goes by that last name."""
        return self._tables.calls.get(name, [])

    def mentions(self, name: str) -> list[Ref]:
        """All calls that have an expression of that last name among their arguments."""
        return self._tables.mentions.get(name, [])

    def nodes(self, op: str) -> list[Ref]:
        """All nodes of one operation."""
        return self._tables.by_op.get(op, [])

    def calls_in(self, scope: ScopeId) -> list[int]:
        """The calls that stand directly in a scope, those of nested scopes left out."""
        module = scope[0]
        if module not in self._calls:
            facts = self.modules[module].facts
            inside: defaultdict[int, list[int]] = defaultdict(list)
            for number, node in enumerate(facts.nodes):
                if node[0] == "call":
                    inside[facts.owner[number]].append(number)
            self._calls[module] = dict(inside)
        return self._calls[module].get(scope[1], [])

    def calls_within(self, scope: ScopeId) -> list[int]:
        """The calls that stand in a scope or in one nested in it."""
        module = scope[0]
        scopes = self.modules[module].facts.scopes
        within = {scope[1]}
        found = list(self.calls_in(scope))
        for number in range(scope[1] + 1, len(scopes)):  # a scope is numbered after the one around it
            if scopes[number].parent in within:
                within.add(number)
                found += self.calls_in((module, number))
        return sorted(found)

    @cached_property
    def all_calls(self) -> list[Ref]:
        """Every call of the project."""
        return [
            (name, number)
            for name, module in self.modules.items()
            for number, node in enumerate(module.facts.nodes)
            if node[0] == "call"
        ]

    def last_name(self, ref: Ref) -> str | None:
        """The name an expression goes by."""
        return graph.last_name(self.modules[ref[0]].facts, ref[1])

    @property
    def indirect_calls(self) -> list[Ref]:
        """Calls whose callee is a local variable, parameter, item or result of a call."""
        return self._tables.indirect

    @cached_property
    def packages(self) -> frozenset[str]:
        """Names of all packages, those without a file of their own included."""
        return frozenset(
            ".".join(parts[:count])
            for parts in (name.split(".") for name in self.modules)
            for count in range(1, len(parts))
        )

    @cached_property
    def decorations(self) -> list[Ref]:
        """All definitions of functions and classes that carry a decorator."""
        return [
            (name, scope.node)
            for name, module in self.modules.items()
            for scope in module.facts.scopes
            if scope.decorators and scope.node >= 0
        ]

    @cached_property
    def aliases(self) -> dict[str, set[str]]:
        """Other names under which imported names go (`from m import f as g`: f -> {g})."""
        result: defaultdict[str, set[str]] = defaultdict(set)
        for module in self.modules.values():
            nodes = module.facts.nodes
            for scope in module.facts.scopes:
                for name, definitions in scope.bindings.items():
                    for definition in definitions:
                        node = nodes[definition]
                        if node[0] == "import" and node[3] and node[3] != name:
                            result[node[3]].add(name)
        return dict(result)

    def site_names(self, ref: Ref) -> set[str]:
        """The names a container made at this node is stored under in its own module (locals, globals, attributes)."""
        module = ref[0]
        if module not in self._sites:
            self._sites[module] = site_names(self.modules[module].facts)
        return self._sites[module].get(ref[1], set())

    @cached_property
    def _tables(self) -> _Tables:
        tables = _Tables(
            defaultdict(list),
            defaultdict(list),
            defaultdict(list),
            defaultdict(list),
            defaultdict(list),
            [],
            defaultdict(list),
        )
        for name, module in self.modules.items():
            _fill(tables, name, module.facts)
        return tables


_KEPT = frozenset("class function import import_as compare matches const dict fstring augmented delete_item".split())


def _fill(tables: _Tables, name: str, facts: ModuleFacts) -> None:
    for number, node in enumerate(facts.nodes):
        op = node[0]
        ref = (name, number)
        if op == "attr":
            tables.attr_loads[node[2]].append(ref)
        elif op == "call":
            callee = facts.nodes[node[1]]
            if callee[0] == "attr":
                tables.calls[callee[2]].append(ref)
            elif callee[0] in ("free", "local"):
                tables.calls[callee[1]].append(ref)
                if not graph.is_definition(facts, callee):
                    tables.indirect.append(ref)
            else:
                tables.indirect.append(ref)
            for argument in (*node[2], *(value for _, value in node[3])):
                named = graph.last_name(facts, argument)
                if named is not None:
                    tables.mentions[named].append(ref)
        elif op in ("store_attr", "delete_attr"):
            tables.attr_stores[node[2]].append(ref)
            tables.by_op[op].append(ref)
        elif op == "store_item":
            base = graph.last_name(facts, node[1])
            if base is not None:
                tables.item_stores[base].append(ref)
            tables.by_op[op].append(ref)
        elif op in _KEPT:
            tables.by_op[op].append(ref)


__all__ = ["FunctionId", "Module", "Project", "Ref", "ScopeId"]
