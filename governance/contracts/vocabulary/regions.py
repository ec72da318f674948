"""Regions: code whose failure is expected, because a test demands it or because the exception is caught."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from governance.contract import Ref
from governance.facts import ModuleFacts
from governance.index import Index, graph

_EXPECTING: Final = frozenset(("raises", "assertRaises", "assertRaisesRegex"))
_SUPPRESSING: Final = frozenset(("suppress",))
_CAUGHT: Final = frozenset(("ValueError", "KeyError", "LookupError", "AttributeError", "Exception", "BaseException"))
"""What looking up a word that does not exist raises, and the bases of that."""


class Regions:
    """Answers for the modules of one project, remembered."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._refused: dict[str, frozenset[int]] = {}
        self._caught: dict[str, frozenset[int]] = {}

    def refused(self, ref: Ref) -> bool:
        """Whether a node runs in `with pytest.raises(...)`: there, a wrong word is the point."""
        module = ref[0]
        if module not in self._refused:
            self._refused[module] = self._collect(module, _EXPECTING, tries=False)
        return ref[1] in self._refused[module]

    def caught(self, ref: Ref) -> bool:
        """Whether a node runs where a failed lookup is caught, or where `hasattr` has asked first."""
        module = ref[0]
        if module not in self._caught:
            self._caught[module] = self._collect(module, _SUPPRESSING, tries=True)
        return ref[1] in self._caught[module]

    def _collect(self, module: str, managers: frozenset[str], tries: bool) -> frozenset[int]:
        facts = self.index.project.modules[module].facts
        bodies = (body for scope in facts.scopes for body in _bodies(facts, scope.body, managers, tries))
        return frozenset(number for body in bodies for number in _nodes(facts, body))


def _bodies(facts: ModuleFacts, steps: Any, managers: frozenset[str], tries: bool) -> Iterator[Any]:
    """The bodies of such blocks, at any depth of the statement tree."""
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, list) or not step:
            continue
        if len(step) == 4 and step[0] == "with" and _enters(facts, step[2], managers):
            yield step[3]
        elif tries and _handles(facts, step):
            yield step[2]
        yield from _bodies(facts, step, managers, tries)


def _enters(facts: ModuleFacts, enter: int, managers: frozenset[str]) -> bool:
    context = facts.nodes[facts.nodes[enter][1]]
    return context[0] == "call" and graph.last_name(facts, context[1]) in managers


def _handles(facts: ModuleFacts, step: Any) -> bool:
    """A `try` that catches a failed lookup, or an `if hasattr(...)`: what is guarded stands at the same index."""
    if step[0] == "try":
        return any(_catches(facts, each[0]) for each in step[3])
    return bool(step[0] == "if") and _asks(facts, step[1])


def _asks(facts: ModuleFacts, test: int) -> bool:
    node = facts.nodes[test]
    return node[0] == "call" and graph.last_name(facts, node[1]) == "hasattr"


def _catches(facts: ModuleFacts, types: int) -> bool:
    node = facts.nodes[types]
    if node[0] == "at":
        return True
    if node[0] == "tuple":
        return any(_catches(facts, each) for each in node[1])
    return graph.last_name(facts, types) in _CAUGHT


def _nodes(facts: ModuleFacts, steps: Any) -> set[int]:
    """Every node evaluated by the steps: those they list, and the operands of these but for earlier definitions."""
    listed: set[int] = set()
    todo = [steps]
    while todo:
        each = todo.pop()
        if isinstance(each, list):
            todo.extend(each)
        elif isinstance(each, int) and not isinstance(each, bool) and 0 <= each < len(facts.nodes):
            listed.add(each)
    seen: set[int] = set()
    queue = list(listed)
    while queue:
        number = queue.pop()
        if number in seen:
            continue
        seen.add(number)
        node = facts.nodes[number]
        if node[0] not in ("local", "phi", "narrow", "param", "function", "class"):
            queue.extend(graph.operands(node))
    return seen
