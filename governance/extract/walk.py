"""The state of one walk over a module: facts so far, the open scope, the environment, the steps being collected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import libcst as cst

from governance.extract.bound_names import Names, identifier
from governance.extract.environment import UNBOUND, Env, Narrow, Phi, Value, merge, narrowed
from governance.extract.error import ExtractError
from governance.extract.scope import Building, Loop
from governance.facts import Block, Node

MAX_BLOCKS = 400
"""Blocks of steps within each other (an `elif` counts): facts must fit into JSON that any reader takes."""


Mark: TypeAlias = "tuple[Block, int]"


class Walk:
    """`place` is the CST node that new fact nodes stand for (kept up by the walk that records places)."""

    expressions: dict[type, Callable[[Walk, Any], int]]
    statements: dict[type, Callable[[Walk, Any], None]]

    def __init__(self, walrus: bool) -> None:
        self.nodes: list[Node] = []
        self.owner: list[int] = []
        self.scopes: list[Building] = []
        self.walrus = walrus
        self.scope: Building = self._root()
        self.env = Env()
        self.steps: Block = self.scope.body
        self.loop: Loop | None = None
        self.log: list[tuple[str, int]] = []
        """Every store to a name or dotted path of this scope so far; -1 where it is unbound or no definition."""
        self.in_type = False
        """In an annotation and the like: names look outward, nothing runs."""
        self.typed_strings = False
        """Strings spell types: in annotations (not inside `Literal`), and in the value of a `TypeAlias`."""
        self.place: Any = None
        self.paths: dict[str, set[str]] = {}
        """The dotted paths of this scope that some test was about, by the name they start with."""
        self.has_type_params = False
        self.depth = 0
        self.header: Building | None = None
        """The scope whose header's annotations are being walked, if it has type parameters."""

    def _root(self) -> Building:
        root = Building(0, "module", "", None, -1, Names(self.walrus))
        self.scopes.append(root)
        return root

    # facts ----------------------------------------------------------------------------------------------------------

    def add(self, node: Node) -> int:
        """A new fact node; answers its number."""
        self.nodes.append(node)
        self.owner.append(self.scope.number)
        return len(self.nodes) - 1

    def expr(self, node: Any) -> int:
        """The fact node of an expression, its steps appended."""
        return self.expressions[type(node)](self, node)

    def block(self, body: Any) -> None:
        """Walk the statements of a suite, a handler or a module."""
        statements = self.statements
        for statement in body.body:
            if type(statement) is cst.SimpleStatementLine:
                for small in statement.body:
                    self.statement(small, statements)
            else:
                self.statement(statement, statements)

    def statement(self, node: Any, handlers: dict[type, Callable[[Walk, Any], None]]) -> None:
        """Walk one statement."""
        handlers[type(node)](self, node)

    def at(self, kind: str) -> int:
        """A node for the present statement."""
        return self.add(["at", kind])

    def collect(self) -> tuple[Block, Mark]:
        """Open a new block of steps; answers it and what `resume` needs to close it."""
        outer = (self.steps, self.depth)
        self.depth += 1
        if self.depth > MAX_BLOCKS:
            raise ExtractError(
                "too-deep", f"more than {MAX_BLOCKS} branches, loops and suites are nested in each other"
            )
        self.steps = []
        return self.steps, outer

    def resume(self, outer: Mark) -> None:
        """Go on where a block was opened."""
        self.steps, self.depth = outer

    # names ----------------------------------------------------------------------------------------------------------

    def load(self, name: str) -> int:
        """The node of a load of `name`."""
        scope = self.scope
        if not self.in_type:
            value = self.env.get(name)
            if value is not None:
                if type(value) is int:
                    return self.add(["local", name, value])
                if type(value) is tuple:
                    return self.after_tests(self.free(name), value)
                definition = self.materialise(value)
                if definition != UNBOUND:
                    return self.add(["local", name, definition])
            if not scope.outside and name in scope.names.bound:
                return self.add(["local", name, UNBOUND])
        return self.free(name)

    def free(self, name: str) -> int:
        """A load that is looked up outside (in annotations: from here)."""
        scope = self.scope
        if not self.in_type:
            while scope.parent is not None and scope.kind == "class":
                scope = scope.parent
        start = scope.number
        if self.has_type_params:
            owner = self.header or self.scope
            while owner.parent is not None and all(name != param for param, _ in owner.type_params):
                owner = owner.parent
            if any(name == param for param, _ in owner.type_params):
                start = owner.number
        if self.scope.kind == "lambda":
            self._capture(name)
        return self.add(["free", name, start])

    def _capture(self, name: str) -> None:
        """A lambda looks `name` up: make the comprehension targets around it findable."""
        outer = self.scope.parent
        while outer is not None:
            for names in outer.temporaries:
                known = outer.bindings.setdefault(name, []) if name in names else []
                if name in names and names[name] not in known:
                    known.append(names[name])
            outer = outer.parent

    def after_tests(self, node: int, tests: Any) -> int:
        """`node` narrowed by tests it has passed."""
        for test, positive in tests:
            node = self.add(["narrow", node, test, positive])
        return node

    def bind(self, name: str, definition: int) -> None:
        """`name` now holds `definition`."""
        self.steps.append(["bind", name, definition])
        self.log.append((name, definition))
        scope = self.scope
        names = scope.names
        self.forget(self.env, name)
        if name in names.global_names and scope.number != 0:
            self._rebind(self.scopes[0], name, definition)
        elif name in names.nonlocal_names:
            outer = scope.parent
            while outer is not None and (outer.outside or name not in outer.names.bound):
                outer = outer.parent
            if outer is not None:
                self._rebind(outer, name, definition)
        else:
            self.env[name] = definition
            scope.bindings.setdefault(name, []).append(definition)

    def _rebind(self, scope: Building, name: str, definition: int) -> None:
        scope.bindings.setdefault(name, []).append(definition)
        if name not in scope.rebound:
            scope.rebound.append(name)
        self.env.pop(name, None)

    def unbind(self, name: str) -> None:
        """`name` is deleted."""
        self.log.append((name, UNBOUND))
        self.env.pop(name, None)
        self.forget(self.env, name)

    def narrowed(self, env: Env, keys: list[str], test: int, positive: bool) -> Env:
        """`env` on one outcome of a test about `keys`."""
        for key in keys:
            if "." in key:
                self.paths.setdefault(key.partition(".")[0], set()).add(key)
        return narrowed(env, keys, test, positive, set() if self.scope.outside else self.scope.names.bound)

    def forget(self, env: Env, key: str) -> None:
        """Drop what tests told about paths that start with `key`, which has been stored to."""
        for path in self.paths.get(key.partition(".")[0], ()):
            if path.startswith(key + ".") or path == key:
                env.pop(path, None)

    def stored(self, path: str) -> None:
        """The dotted path has been stored to: earlier tests say nothing about it any more."""
        self.log.append((path, UNBOUND))
        self.forget(self.env, path)

    def materialise(self, value: Value) -> int:
        """The fact node of a definition, made on first use; -1 if there is none."""
        if isinstance(value, int):
            return value
        if value.node is not None:
            return value.node
        if isinstance(value, Narrow):
            base = self.materialise(value.base)
            value.node = UNBOUND if base == UNBOUND else self.add(["narrow", base, value.test, value.positive])
            return value.node
        if not value.is_open and len(value.operands) == 1:
            value.node = UNBOUND  # what a circle of phis without any definition comes to
            value.node = self.materialise(value.operands[0])
            return value.node
        operands: list[int] = []
        node = value.node = self.add(["phi", operands])
        if not value.is_open:
            self.fill(value, operands)
        return node

    def fill(self, phi: Phi, operands: list[int]) -> None:
        """Write the operands of a phi whose operands are all known."""
        for value in phi.operands:
            number = self.materialise(value)
            if number == UNBOUND and self.scope.outside:
                number = self.free(phi.name)
            if number not in (UNBOUND, phi.node) and number not in operands:
                operands.append(number)

    # loops ----------------------------------------------------------------------------------------------------------

    def enter_loop(self, node: Any) -> dict[str, Phi]:
        """At a loop's head: open phis for what the loop assigns, and forget tests about what it stores."""
        phis: dict[str, Phi] = {}
        env = self.env
        scope = self.scope
        for name in sorted(scope.names.loops.get(id(node), ())):
            self.forget(env, name)
            if "." in name:
                continue
            if name in scope.names.bound:
                before = env.get(name, UNBOUND)
                before = UNBOUND if type(before) is tuple else before
                operands = [] if before == UNBOUND and not scope.outside else [before]
                env[name] = phis[name] = Phi(name, operands, is_open=True)
            else:
                env.pop(name, None)
        return phis

    def close_loop(self, phis: dict[str, Phi], again: list[Env]) -> None:
        """All ways back to the head are known: complete its phis."""
        for name, phi in phis.items():
            for env in again:
                if not env.live:
                    continue
                value = env.get(name, UNBOUND)
                value = UNBOUND if type(value) is tuple else value
                if value is not phi and value not in phi.operands and (value != UNBOUND or self.scope.outside):
                    phi.operands.append(value)
        for phi in phis.values():
            phi.is_open = False
        for phi in phis.values():
            if phi.node is not None:
                self.fill(phi, self.nodes[phi.node][1])
            else:
                merged = merge(phi.name, phi.operands, self.scope.outside) if phi.operands else UNBOUND
                if type(merged) is not Phi:
                    phi.operands = [merged]

    def since(self, start: int, before: Env, but: int = 0) -> Env:
        """What may hold after any prefix of what ran since the log was `start` long, `before` being the state then; of
        what ran, the last `but` bindings are left out."""
        result = Env(before)
        stored: dict[str, list[Value]] = {}
        for name, definition in self.log[start : len(self.log) - but]:
            stored.setdefault(name, []).append(definition)
        for name, definitions in stored.items():
            self.forget(result, name)
            if "." in name or name not in self.scope.names.bound:
                result.pop(name, None)
                continue
            first = before.get(name, UNBOUND)
            value = merge(name, [UNBOUND if type(first) is tuple else first, *definitions], self.scope.outside)
            if value == UNBOUND:
                result.pop(name, None)
            else:
                result[name] = value
        return result


def name_of(node: Any) -> str:
    """The normalised identifier of a `Name`."""
    value: str = node.value
    return value if value.isascii() else identifier(value)
