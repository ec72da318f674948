"""Keeping: whether a function keeps an object to itself, so that nobody else can change it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import definitions, graph, logs
from governance.index.values import ClassId, FunctionId
from governance.paths import natures

if TYPE_CHECKING:
    from governance.index import Index

ENTERING: Final = frozenset(("__enter__", "__aenter__"))
_LOOKING: Final = frozenset(("compare", "not", "narrow", "fstring"))
"""What can be done with an object without getting hold of it."""


class Keeping:
    """Follows an object through one function."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def forms(self, function: FunctionId, start: int, cls: ClassId) -> list[int]:
        """The nodes of a function that are an object of a class, which is first met at `start`; [] if somebody else may
        get hold of it."""
        module, number = function
        project = self.index.project
        facts = project.modules[module].facts
        scope = facts.scopes[number]
        found = [start]
        for node in found:
            for _, user in project.users((module, node)):
                fact = facts.nodes[user]
                if facts.owner[user] != number:
                    return []
                if fact[0] in ("local", "annotated") or (fact[0] == "narrow" and fact[1] == node):
                    found.append(user)
                elif fact[0] == "enter":
                    found += [user] if self._enters_itself(cls) else []
                elif fact[0] == "tuple" and (apart := self._taken_apart((module, user), fact[1].index(node))):
                    found.append(apart)
                elif fact[0] == "attr":
                    if not self._is_plain_use((module, user), cls):
                        return []
                elif fact[0] == "store_attr":
                    if fact[3] == node or self.functions(cls, fact[2]):
                        return []
                elif fact[0] not in _LOOKING and not self._is_logged((module, user), node):
                    return []
        names = {node[1] for node in map(facts.nodes.__getitem__, found) if node[0] == "local"}
        if facts.nodes[start][0] == "param":
            names.add(scope.params[facts.nodes[start][2]].name)
        if names & {*scope.global_names, *scope.nonlocal_names}:
            return []
        captured = any(fact[0] == "free" and fact[1] in names for fact in facts.nodes)
        return [] if captured and self._captures(function, names) else found

    def _taken_apart(self, display: Ref, position: int) -> int | None:
        """The name's definition in `ticket, results = Ticket(), []`; None if the tuple is used in another way."""
        parts = {user: self.index.project.node((display[0], user)) for _, user in self.index.project.users(display)}
        if any(node[0] != "unpack" or node[3] for node in parts.values()):
            return None
        return next((user for user, node in parts.items() if node[2] == position), None)

    def _is_logged(self, user: Ref, node: int) -> bool:
        """Whether an object is no more than named in a log line."""
        facts = self.index.project.modules[user[0]].facts
        fact = facts.nodes[user[1]]
        callee: Node = facts.nodes[fact[1]] if fact[0] == "call" else ["at", ""]
        if callee[0] != "attr" or callee[1] == node:
            return False
        return logs.is_logging(graph.last_name(facts, callee[1]), callee[2])

    def _captures(self, function: FunctionId, names: set[str]) -> bool:
        """Whether a nested function reads one of the names."""
        module, number = function
        facts = self.index.project.modules[module].facts
        return any(
            fact[0] == "free" and fact[1] in names and function in set(self.index.project.enclosing((module, owner)))
            for fact, owner in zip(facts.nodes, facts.owner, strict=True)
            if owner != number
        )

    def _is_plain_use(self, attribute: Ref, cls: ClassId) -> bool:
        """A method that is called at once, or an attribute that is none."""
        project = self.index.project
        name = project.node(attribute)[2]
        functions = self.functions(cls, name)
        if not functions:
            return not name.startswith("__")
        if any(natures.is_property(self.index, each) for each in functions):
            return True
        for call in project.users(attribute):
            if self._is_registered(call, attribute[1]):
                continue
            if project.node(call)[:2] != ["call", attribute[1]]:
                return False
            later = [each for each in functions if project.scope(each).is_async or project.scope(each).is_generator]
            now = ("await", "enter") if all(self._is_manager(each) for each in later) else ("await",)
            if later and any(project.node(user)[0] not in now for user in project.users(call)):
                return False
        return True

    def _is_manager(self, function: FunctionId) -> bool:
        """Whether a generator runs around the body of the `with` that it is called in."""
        return definitions.wrapper(self.index.solver, function) == "contextmanager"

    def _is_registered(self, call: Ref, method: int) -> bool:
        """`stack.callback(ticket.finish)` with a stack that is left in the same function."""
        fact = self.index.project.node(call)
        if fact[0] != "call" or method not in fact[2]:
            return False
        callee = self.index.project.node((call[0], fact[1]))
        if callee[0] != "attr" or callee[2] != "callback":
            return False
        stack = self.index.project.node((call[0], callee[1]))
        while stack[0] == "local" and stack[2] >= 0:
            stack = self.index.project.node((call[0], stack[2]))
        return stack[0] == "enter" and "contextlib.ExitStack.callback" in self.index.externals(call)

    def functions(self, cls: ClassId, name: str) -> list[FunctionId]:
        """The functions that a class has under a name."""
        bound = self.index.classes.lookup(cls, name)
        nodes = [(ref[0], self.index.project.node(ref)) for ref in bound[1]] if bound else []
        return [(module, node[1]) for module, node in nodes if node[0] == "function"]

    def _enters_itself(self, cls: ClassId) -> bool:
        """Whether entering an object gives that object."""
        functions = [each for name in sorted(ENTERING) for each in self.functions(cls, name)]
        for function in functions:
            scope = self.index.project.scope(function)
            given = [self.index.project.node((function[0], each)) for each in scope.results]
            own = [node[0] == "local" and scope.params and node[2] == scope.params[0].node for node in given]
            if not own or not all(own):
                return False
        return True
