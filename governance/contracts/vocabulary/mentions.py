"""Mentions: cheap tests by names alone, asked before the expensive questions about values."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from governance.contracts.vocabulary.words import Vocabulary
from governance.facts import ModuleFacts
from governance.index import Index, graph

_DEPTH = 8


def names_one_of(facts: ModuleFacts, number: int, names: Collection[str], depth: int = _DEPTH) -> bool:
    """Whether an expression has one of the names anywhere in it."""
    if number < 0 or depth == 0:
        return False
    node = facts.nodes[number]
    if node[0] in ("free", "local"):
        return node[1] in names
    if node[0] == "attr" and node[2] in names:
        return True
    return any(names_one_of(facts, each, names, depth - 1) for each in graph.operands(node))


class Mentions:
    """What a vocabulary's names can have to do with, in one project."""

    def __init__(self, index: Index, vocabulary: Vocabulary) -> None:
        self.index = index
        self.vocabulary = vocabulary

    def enum(self, facts: ModuleFacts, number: int) -> bool:
        """Whether an expression names the enumeration, or something that stands for it."""
        return names_one_of(facts, number, self.vocabulary.aliases)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Attributes that some class or module declares to hold words, or that are listed."""
        found = set(self.vocabulary.attributes)
        for module in self.index.project.modules.values():
            facts = module.facts
            for scope in facts.scopes:
                found.update(name for name, number in scope.annotations.items() if self.enum(facts, number))
                if scope.kind == "class":
                    bound = ((name, number) for name, numbers in scope.bindings.items() for number in numbers)
                    found.update(name for name, number in bound if number >= 0 and self._declares(facts, number))
            for node in facts.nodes:
                if node[0] == "store_attr" and self._declares(facts, node[3]):
                    found.add(node[2])
        return frozenset(found)

    def _declares(self, facts: ModuleFacts, number: int) -> bool:
        """Whether a value, method or annotation may declare that the attribute it is bound to holds words."""
        node = facts.nodes[number]
        if node[0] == "annotated":
            return self.enum(facts, node[1])
        if node[0] == "function":
            return self.enum(facts, facts.scopes[node[1]].returns)
        if node[0] == "local" and node[2] >= 0 and facts.nodes[node[2]][0] == "param":
            _, scope, position = facts.nodes[node[2]]
            return self.enum(facts, facts.scopes[scope].params[position].annotation)
        return self.enum(facts, number)

    @cached_property
    def functions(self) -> frozenset[str]:
        """Names that functions declared to return words go by."""
        found = {
            scope.name
            for module in self.index.project.modules.values()
            for scope in module.facts.scopes
            if scope.kind == "function" and self.enum(module.facts, scope.returns)
        }
        return self.index.spelling.bound_to(found)
