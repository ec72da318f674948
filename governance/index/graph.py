"""Reading the value graph of one module: operands of a node, what a node is called, who uses it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from governance.facts import ModuleFacts, Node

_LISTED = frozenset(("fstring", "phi", "slice", "tuple", "list", "set", "and", "or"))
_ALL = frozenset(("star", "await", "yield", "yieldfrom", "not", "alias", "exception"))


def operands(node: Node) -> Iterator[int]:
    """The nodes a node refers to, -1 left out; definitions of `phi` and `local` included."""
    op = node[0]
    if op == "call":
        yield node[1]
        yield from node[2]
        for _, value in node[3]:
            yield value
    elif op == "attr":
        yield node[1]
    elif op == "local":
        if node[2] >= 0:
            yield node[2]
    elif op in _LISTED:
        yield from node[1]
    elif op in _ALL:
        if node[1] >= 0:
            yield node[1]
    elif op in ("sub", "ifexp", "store_item", "delete_item"):
        yield from node[1:]
    elif op == "dict":
        for key, value in node[1]:
            if key >= 0:
                yield key
            yield value
    elif op == "comp":
        yield node[2]
        if node[3] >= 0:
            yield node[3]
        yield node[4]
    elif op in ("item", "enter", "unpack", "delete_attr"):
        yield node[1]
    elif op == "narrow":
        yield node[1]
        yield node[2]
    elif op == "matches":
        yield node[1]
        yield from _pattern_operands(node[2])
    elif op == "annotated":
        if node[2] >= 0:
            yield node[2]
    elif op == "compare":
        yield from node[2]
    elif op == "binary":
        yield node[2]
        yield node[3]
    elif op == "unary":
        yield node[2]
    elif op == "augmented":
        if node[2] >= 0:
            yield node[2]
        yield node[3]
    elif op == "store_attr":
        yield node[1]
        yield node[3]


def within(nodes: list[Node], starts: Iterable[int], most: int = 400) -> Iterator[int]:
    """The nodes that some expressions are made of, themselves first, those of names included."""
    todo = list(starts)
    seen = set(todo)
    while todo and len(seen) < most:
        number = todo.pop()
        yield number
        for each in operands(nodes[number]):
            if each not in seen:
                seen.add(each)
                todo.append(each)


def _pattern_operands(pattern: Node | None) -> Iterator[int]:
    if not pattern:
        return
    kind = pattern[0]
    if kind == "value":
        yield pattern[1]
    elif kind == "class":
        yield pattern[1]
        for sub in pattern[2]:
            yield from _pattern_operands(sub)
        for _, sub in pattern[3]:
            yield from _pattern_operands(sub)
    elif kind in ("or", "sequence"):
        for sub in pattern[1]:
            yield from _pattern_operands(sub)
    elif kind == "mapping":
        for key, sub in pattern[1]:
            yield key
            yield from _pattern_operands(sub)
    elif kind == "capture":
        yield from _pattern_operands(pattern[1])


def users(facts: ModuleFacts) -> dict[int, list[int]]:
    """For every node the nodes that have it as an operand."""
    result: dict[int, list[int]] = {}
    for number, node in enumerate(facts.nodes):
        for operand in operands(node):
            result.setdefault(operand, []).append(number)
    return result


def last_name(facts: ModuleFacts, number: int) -> str | None:
    """The name an expression goes by: `self._items` -> "_items", `items` -> "items", `d[k]` and `d.get(k)` -> "d"."""
    for _ in range(20):
        node = facts.nodes[number]
        op = node[0]
        if op in ("local", "free"):
            return str(node[1])
        if op == "param":
            return facts.scopes[node[1]].params[node[2]].name
        if op == "attr":
            return str(node[2])
        if op in ("sub", "await", "narrow", "star"):
            number = node[1]
        elif op == "call":
            callee = facts.nodes[node[1]]
            passes = callee[0] == "attr" and callee[2] in ("get", "setdefault", "pop", "copy")
            number = callee[1] if passes else node[1]
        else:
            return None
    return None


def text(facts: ModuleFacts, number: int, depth: int = 4) -> str:
    """Short source-like text of an expression, for messages; deep parts are elided as `...`."""
    if number < 0 or depth == 0:
        return "..."
    node = facts.nodes[number]
    op = node[0]
    if op in ("local", "free"):
        return str(node[1])
    if op == "param":
        return facts.scopes[node[1]].params[node[2]].name
    if op == "attr":
        return f"{text(facts, node[1], depth)}.{node[2]}"
    if op == "call":
        inner = "..." if node[2] or node[3] else ""
        return f"{text(facts, node[1], depth)}({inner})"
    if op == "sub":
        return f"{text(facts, node[1], depth - 1)}[{text(facts, node[2], depth - 1)}]"
    if op == "const":
        return "None" if node[1] == "none" else repr(node[2]) if node[2] is not None else "..."
    if op == "await":
        return f"await {text(facts, node[1], depth - 1)}"
    if op == "narrow":
        return text(facts, node[1], depth)
    if op == "not":
        return f"not {text(facts, node[1], depth - 1)}"
    if op in ("and", "or"):
        return f" {op} ".join(text(facts, each, depth - 1) for each in node[1])
    if op == "compare":
        first, *others = (text(facts, each, depth - 1) for each in node[2])
        return " ".join([first, *(f"{sign} {other}" for sign, other in zip(node[1], others, strict=True))])
    if op in ("function", "class"):
        return facts.scopes[node[1]].name or "lambda"
    if op == "import":
        return str(node[3] or node[2])
    return "..."


_DEFINITIONS = frozenset(("function", "class", "import", "import_as"))


def is_definition(facts: ModuleFacts, callee: Node) -> bool:
    """Whether a called name is that of a function, class or import, and no variable."""
    if callee[0] == "local":
        return callee[2] >= 0 and facts.nodes[callee[2]][0] in _DEFINITIONS
    number = callee[2]
    while number > 0:
        scope = facts.scopes[number]
        if scope.kind != "class" and callee[1] in scope.bindings:
            return all(facts.nodes[each][0] in _DEFINITIONS for each in scope.bindings[callee[1]] if each >= 0)
        number = scope.parent
    return True
