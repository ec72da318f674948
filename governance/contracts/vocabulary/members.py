"""Members: what an enumeration defines, in class syntax, in the functional syntax and as a Literal."""

from __future__ import annotations

from governance.contract import Ref
from governance.index import Index
from governance.index.values import ClassId, last_part

Members = dict[str, tuple[Ref, str | None]]
"""Name -> (the node that defines it, its constant string value or None)."""

_ENUMS = frozenset(("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "ReprEnum"))
_NOT_MEMBERS = frozenset(("function", "class", "import", "import_as"))
_PLAIN = frozenset(("nonmember", "property", "staticmethod", "classmethod", "cached_property", "DynamicClassAttribute"))


def of_class(index: Index, cls: ClassId) -> Members:
    """The members a class body defines: assigned names but for functions, classes, private and special ones."""
    found: Members = {}
    scope = index.project.scope(cls)
    strings = any(last_part(base) == "StrEnum" for base in index.external_bases(cls))
    for name, numbers in scope.bindings.items():
        if name.startswith("_") or name in _ignored(index, cls):
            continue
        for number in numbers:
            ref = (cls[0], number)
            if number >= 0 and _is_member(index, ref):
                found[name] = (ref, _string(index, ref, name, strings))
    return found


def _ignored(index: Index, cls: ClassId) -> frozenset[str]:
    """Names in `_ignore_`."""
    words: set[str] = set()
    for number in index.project.scope(cls).bindings.get("_ignore_", ()):
        words.update(_listed(index, (cls[0], number), (cls[0], number), strings=False))
    return frozenset(words)


def _is_member(index: Index, ref: Ref) -> bool:
    node = index.project.node(ref)
    if node[0] == "annotated":
        return node[2] >= 0 and _is_member(index, (ref[0], node[2]))
    if node[0] == "call":
        return not any(last_part(name) in _PLAIN for name in index.names.dotted((ref[0], node[1])))
    return node[0] not in _NOT_MEMBERS


def _string(index: Index, ref: Ref, name: str, strings: bool) -> str | None:
    """The string a member is stored as: a constant, the text in `member("x")` or `"x", "explanation"` for no string."""
    node = index.project.node(ref)
    if node[0] == "annotated":
        return _string(index, (ref[0], node[2]), name, strings)
    if node[0] == "call":
        called = {last_part(each) for each in index.names.dotted((ref[0], node[1]))}
        if "auto" in called:
            return name.lower() if strings else None
        if "member" in called and node[2]:
            return _string(index, (ref[0], node[2][0]), name, strings)
    texts = {str(value[2]) for value in index.values(ref) if value[:2] == ("const", "str")}
    return texts.pop() if len(texts) == 1 else None


def functional(index: Index, ref: Ref) -> Ref | None:
    """The node that lists the members of `Enum("Name", members)`; None if the node is no such call."""
    node = index.project.node(ref)
    if node[0] == "annotated" and node[2] >= 0:
        return functional(index, (ref[0], node[2]))
    if node[0] != "call":
        return None
    callee = (ref[0], node[1])
    if not any(
        (entity[0] == "ext" and last_part(entity[1]) in _ENUMS) or (entity[0] == "cls" and index.is_enum(entity[1]))
        for entity in index.names.resolve(callee)
    ):
        return None
    listed = [value for name, value in node[3] if name == "names"] or node[2][1:2]
    return (ref[0], listed[0]) if listed else None


def literal(index: Index, ref: Ref) -> list[Ref]:
    """The arguments of `Literal[...]` that a node (or the alias it defines) writes; [] if it writes none."""
    node = index.project.node(ref)
    if node[0] in ("annotated", "alias") and node[-1] >= 0:
        return literal(index, (ref[0], node[-1]))
    if node[0] == "binary" and node[1] == "|":
        return [*literal(index, (ref[0], node[2])), *literal(index, (ref[0], node[3]))]
    if node[0] != "sub":
        return []
    names = {last_part(name) for name in index.names.dotted((ref[0], node[1]))}
    arguments = index.classes.arguments((ref[0], node[2]))
    if "Literal" in names:
        return arguments
    if names & {"Optional", "Annotated", "Final", "ClassVar", "Mapped", "Union", "Required", "NotRequired", "ReadOnly"}:
        return [each for argument in arguments for each in literal(index, argument)]
    return []


def of_definition(index: Index, ref: Ref) -> Members:
    """The members of a functional enum or the words of a Literal alias."""
    listed = functional(index, ref)
    if listed is None:
        words = [(each, index.project.node(each)) for each in literal(index, ref)]
        return {str(node[2]): (each, str(node[2])) for each, node in words if node[:2] == ["const", "str"]}
    node = index.project.node(ref)
    node = index.project.node((ref[0], node[2])) if node[0] == "annotated" else node
    strings = any(last_part(name) == "StrEnum" for name in index.names.dotted((ref[0], node[1])))
    return _listed(index, listed, ref, strings)


def _listed(index: Index, ref: Ref, call: Ref, strings: bool) -> Members:
    """`"A B"`, `["A", "B"]`, `[("A", "a")]` or `{"A": "a"}`, written in place or held by a constant."""
    found: Members = {}
    node = index.project.node(ref)
    shown = ref if node[0] in ("const", "list", "tuple", "set", "dict") else call
    if node[0] in ("local", "free", "attr", "annotated", "narrow"):
        return _held(index, ref, call, strings)
    if node[0] == "dict":
        for key, value in node[1]:
            for name, place in _texts(index, (ref[0], key)) if key >= 0 else ():
                found[name] = (place, next((text for text, _ in _texts(index, (ref[0], value))), None))
        return found
    if node[0] in ("list", "tuple", "set"):
        for number in node[1]:
            inner_node = index.project.node((ref[0], number))
            if inner_node[0] in ("tuple", "list") and len(inner_node[1]) == 2:
                for name, place in _texts(index, (ref[0], inner_node[1][0])):
                    found[name] = (place, next((text for text, _ in _texts(index, (ref[0], inner_node[1][1]))), None))
            else:
                for name, place in _texts(index, (ref[0], number)):
                    found[name] = (place, name.lower() if strings else None)
        return found
    if node[0] == "comp":
        return _comprehended(index, ref, call, strings)
    for text, _ in _texts(index, _split(index, ref)):
        for name in text.replace(",", " ").split():
            found[name] = (shown, name.lower() if strings else None)
    return found


def _held(index: Index, ref: Ref, call: Ref, strings: bool) -> Members:
    """What a name is assigned, members of it found where the name is used."""
    node = index.project.node(ref)
    found: Members = {}
    for entity in index.names.resolve(ref):
        if entity[0] == "node" and (entity[1], entity[2]) != ref:
            inner = _listed(index, (entity[1], entity[2]), call, strings)
            found |= {name: (ref, text) for name, (_, text) in inner.items()}
    if found or node[0] != "annotated":
        return found
    return _listed(index, (ref[0], node[2]), call, strings)


def _split(index: Index, ref: Ref) -> Ref:
    """The text in `"A B".split()`."""
    node = index.project.node(ref)
    callee = index.project.node((ref[0], node[1])) if node[0] == "call" and not node[2] else node
    return (ref[0], callee[1]) if callee[0] == "attr" and callee[2] == "split" else ref


def _comprehended(index: Index, ref: Ref, call: Ref, strings: bool) -> Members:
    """`[name for name in names]`, `[(name, ...) for name in names]`, `{name: ... for name in names}`."""
    _, kind, name, value, item = index.project.node(ref)
    source = index.project.node((ref[0], item))
    first = index.project.node((ref[0], name))
    if kind != "dict" and first[0] in ("tuple", "list") and len(first[1]) == 2:
        name, value = first[1]
    if source[0] != "item" or not _repeats(index, (ref[0], name), item):
        return {}
    names = _listed(index, (ref[0], source[1]), call, strings)
    if value < 0:
        return {each: (call, each.lower() if strings else None) for each in names}
    same = _repeats(index, (ref[0], value), item)
    return {each: (call, each if same else None) for each in names}


def _repeats(index: Index, ref: Ref, item: int) -> bool:
    """Whether a node is a local name for another one."""
    node = index.project.node(ref)
    return ref[1] == item or (node[0] == "local" and node[2] == item)


def _texts(index: Index, ref: Ref) -> list[tuple[str, Ref]]:
    """Constant strings a node may be, with that node."""
    return [(str(value[2]), ref) for value in index.values(ref) if value[:2] == ("const", "str")]
