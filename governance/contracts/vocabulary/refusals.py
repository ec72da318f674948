"""Refusals: code that a test expects to be refused (`with pytest.raises(...)`), where wrong words are the point."""

from __future__ import annotations

from typing import Any, Final

from governance.contract import Ref
from governance.facts import ModuleFacts
from governance.index import Index, graph

_EXPECTING: Final = frozenset(("raises", "assertRaises", "assertRaisesRegex"))


def expected(index: Index) -> frozenset[Ref]:
    """The nodes that run inside of such a block."""
    found: set[Ref] = set()
    for name, module in index.project.modules.items():
        facts = module.facts
        if any(index.project.calls(word) for word in _EXPECTING):
            for scope in facts.scopes:
                for body in _bodies(facts, scope.body):
                    found.update((name, number) for number in _nodes(facts, body))
    return frozenset(found)


def _bodies(facts: ModuleFacts, steps: Any) -> list[Any]:
    """The bodies of `with raises(...)` blocks, at any depth of the statement tree."""
    found: list[Any] = []
    if not isinstance(steps, list):
        return found
    for step in steps:
        if isinstance(step, list):
            if len(step) == 4 and step[0] == "with" and _expects(facts, step[2]):
                found.append(step[3])
            else:
                found.extend(_bodies(facts, step))
    return found


def _expects(facts: ModuleFacts, enter: int) -> bool:
    context = facts.nodes[facts.nodes[enter][1]]
    return context[0] == "call" and graph.last_name(facts, context[1]) in _EXPECTING


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
