"""Site names: the names under which what a node makes is kept in its own module."""

from __future__ import annotations

from collections import defaultdict

from governance.facts import ModuleFacts
from governance.index import graph


def site_names(facts: ModuleFacts) -> dict[int, set[str]]:
    """For every node that is given a name, the names: of locals, globals, attributes, and of what it is put into."""
    names: defaultdict[int, set[str]] = defaultdict(set)

    def note(number: int, name: str) -> None:
        for _ in range(8):
            if number < 0:
                return
            names[number].add(name)
            node = facts.nodes[number]
            if node[0] == "annotated":
                number = node[2]
            elif node[0] in ("and", "or", "phi"):
                for each in node[1]:
                    names[each].add(name)
                return
            elif node[0] == "unpack" and facts.nodes[node[1]][0] == "tuple" and not node[3]:
                elements = facts.nodes[node[1]][1]
                if not -len(elements) <= node[2] < len(elements):
                    return
                number = elements[node[2]]
            elif node[0] == "ifexp":
                names[node[2]].add(name)
                names[node[3]].add(name)
                return
            else:
                return

    for scope in facts.scopes:
        for name, definitions in scope.bindings.items():
            for definition in definitions:
                note(definition, name)
    for node in facts.nodes:
        if node[0] == "store_attr":
            note(node[3], node[2])
        elif node[0] == "call":
            callee = facts.nodes[node[1]]
            if callee[0] == "attr" and callee[2] == "setdefault" and len(node[2]) == 2:
                base = graph.last_name(facts, callee[1])
                if base is not None:
                    note(node[2][1], base)
        elif node[0] == "store_item":
            base = graph.last_name(facts, node[1])
            if base is not None:
                note(node[3], base)
    for node in facts.nodes:
        if node[0] == "store_attr" and facts.nodes[node[3]][0] == "local":
            definition = facts.nodes[node[3]][2]
            if definition >= 0:
                note(definition, node[2])
    return dict(names)
