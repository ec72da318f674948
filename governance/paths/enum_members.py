"""Enum members: which names of an enumeration are members of it, and which of them are one member.

Source: the rules of `enum` in the standard library: members with an equal value are one, under the name written first;
names in `_ignore_`, functions and descriptors are no members.
"""

from __future__ import annotations

from collections.abc import Collection

from governance.contract import Ref
from governance.index import Index
from governance.index.values import ClassId

_WRITTEN: frozenset[str] = frozenset(("const", "tuple", "unary", "fstring"))
"""What is a member whatever its value may be."""


def members(index: Index, enum: ClassId) -> dict[str, Ref]:
    """The names of members and where they are given their value; of a plain class, its constants."""
    found: dict[str, Ref] = {}
    ignored = _ignored(index, enum)
    for name, numbers in index.project.scope(enum).bindings.items():
        refs = [(enum[0], number) for number in numbers]
        if not name.startswith("_") and name not in ignored and all(_is_member(index, ref) for ref in refs):
            found[name] = refs[-1]
    return found


def constant(index: Index, ref: Ref) -> object:
    """The text or number an expression is sure to be; None if that is not known."""
    found = {value[2] for value in index.values(ref) if value[:2] in (("const", "str"), ("const", "int"))}
    return found.pop() if len(found) == 1 else None


def aliases(index: Index, enum: ClassId, states: Collection[str]) -> dict[str, str]:
    """Names of members that are another one: a state, or else the one that is written first."""
    same: dict[object, list[str]] = {}
    for name, ref in members(index, enum).items():
        value = constant(index, ref)
        if value is not None:
            same.setdefault(value, []).append(name)
    found: dict[str, str] = {}
    for names in same.values():
        first = next((name for name in names if name in states), names[0])
        found |= {name: first for name in names if name not in states}
    return found


def _is_member(index: Index, ref: Ref) -> bool:
    node = index.project.node(ref)
    if node[0] == "call":
        return index.project.last_name((ref[0], node[1])) in ("auto", "member")
    if node[0] == "unpack":
        source = index.project.node((ref[0], node[1]))
        if source[0] in ("tuple", "list") and not node[3] and abs(node[2]) < len(source[1]):
            return _is_member(index, (ref[0], source[1][node[2]]))
        return True
    return node[0] in _WRITTEN or (node[0] not in ("function", "class") and constant(index, ref) is not None)


def _ignored(index: Index, enum: ClassId) -> set[str]:
    """`_ignore_ = "one two"`, `_ignore_ = ["one", "two"]`."""
    found: set[str] = set()
    for number in index.project.scope(enum).bindings.get("_ignore_", ()):
        ref = (enum[0], number)
        texts = [value[2] for value in (*index.values(ref), *index.elements(ref)) if value[:2] == ("const", "str")]
        found |= {name for text in texts for name in text.replace(",", " ").split()}
    return found
