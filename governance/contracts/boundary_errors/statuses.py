"""Statuses: the numbers an expression may stand for, in every spelling."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.findings import Grade
from governance.index import Index, constructed
from governance.index.values import Value

Statuses = dict[int, Grade]

_DEPTH: Final = 6
_NAMED: Final = re.compile(r"HTTP_(\d{3})(?:_|$)")
_TEXT: Final = re.compile(r"\s*([1-5]\d\d)(?:\s|$)")
_CONVERSIONS: Final = frozenset(("builtins.int", "http.HTTPStatus", "builtins.str", "typing.cast"))
_SETTINGS: Final = frozenset(("os.getenv", "os.environ.get"))
"""What gives the second argument where nothing is set."""
_CHOICES: Final[dict[str, Callable[[int, int], int]]] = {"builtins.min": min, "builtins.max": max}
_ARITHMETIC: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "//": lambda a, b: a // b if b else 0,
    "|": lambda a, b: a | b,
}  # fmt: skip


def statuses(index: Index, ref: Ref, depth: int = _DEPTH) -> Statuses:
    """Every status an expression may be, with the grade of the evidence; {} if none is known."""
    found: Statuses = {}
    if depth == 0:
        return found
    node = index.project.node(ref)
    if node[0] == "attr":
        kept = since_made(index, (ref[0], node[1]), node[2])
        if kept is not None:
            return statuses(index, kept, depth - 1)
        for each, least in _written(index, ref, node).items():
            for number, grade in statuses(index, each, depth - 1).items():
                _put(found, number, min(grade, least))
    chosen = _chosen(index, ref, node, depth)
    if chosen is not None:
        return chosen
    for value, evidence in index.values(ref).items():
        for number in _of_value(index, value, depth):
            _put(found, number, Grade(evidence.grade))
    if not found or (len(found) > 1 and _named_in(index.project.node(ref)) is not None):
        found = _computed(index, ref, depth)
    return {number: grade for number, grade in found.items() if 100 <= number <= 599}


def _chosen(index: Index, ref: Ref, node: Node, depth: int) -> Statuses | None:
    """`min(code, 499)`, `max(code, 400)`; None for everything else, and if one of them is not known."""
    while node[0] == "local" and node[2] >= 0:
        ref = (ref[0], node[2])
        node = index.project.node(ref)
    names = index.externals(ref) & _CHOICES.keys() if node[0] == "call" and len(node[2]) == 2 else ()
    if not names:
        return None
    one, other = (_numbers(index, (ref[0], each), depth - 1) for each in node[2])
    if not one or not other:
        return None
    found: Statuses = {}
    for number, first in one.items():
        for against, second in other.items():
            _put(found, _CHOICES[min(names)](number, against), min(first, second))
    return found


def since_made(index: Index, base: Ref, name: str) -> Ref | None:
    """What an attribute holds since its object was constructed, if one call did so and nothing stores it later."""
    made = {site for site in index.names.resolve(base) if site[0] == "node"}
    if len(made) != 1 or _set_later(index, name):
        return None
    _, module, number = made.pop()
    return constructed.held(index, (module, number)).get(name)


def _written(index: Index, ref: Ref, node: Node) -> dict[Ref, Grade]:
    """What class bodies say about an attribute. What is caught as an instance of a class may be one of any below it."""
    found: dict[Ref, Grade] = {}
    for value in index.values((ref[0], node[1])):
        if value[0] not in ("inst", "self", "cls", "selfcls"):
            continue
        cls = value[1]
        is_error = any(base.endswith(("Exception", "Error")) for base in index.external_bases(cls))
        below = sorted(index.subclasses(cls) - {cls}) if is_error and value[0] == "inst" else []
        for each in (cls, *below):
            bound = index.classes.lookup(each, node[2])
            for written in bound[1] if bound else ():
                found.setdefault(written, Grade.DEFINITE if each == cls else Grade.PROBABLE)
    return found


def _set_later(index: Index, name: str) -> bool:
    """Whether an attribute of that name is stored anywhere but in a constructor."""
    project = index.project
    return any(project.scope(project.owner(store)).name != "__init__" for store in project.attr_stores(name))


def _put(found: Statuses, number: int, grade: Grade) -> None:
    found[number] = max(grade, found.get(number, Grade.UNRESOLVED))


def _of_value(index: Index, value: Value, depth: int) -> list[int]:
    kind = value[0]
    if kind == "const":
        if value[1] == "int" and value[2] is not None:
            return [int(value[2])]
        match = _TEXT.match(str(value[2])) if value[1] == "str" else None
        return [int(match[1])] if match else []
    if kind in ("ext", "xinst"):
        return named(str(value[1]))
    if kind == "xmeth":
        return named(f"{value[1]}.{value[2]}")
    if kind == "enum":
        bound = index.classes.lookup(value[1], value[2])
        return [number for ref in (bound[1] if bound else ()) for number in statuses(index, ref, depth - 1)]
    return []


def named(dotted: str) -> list[int]:
    """The number of a dotted name outside the project: `http.HTTPStatus.BAD_GATEWAY`, `status.HTTP_502_BAD_GATEWAY`."""
    parts = [part for part in dotted.split(".") if part not in ("value", "real", "numerator")]
    match = _NAMED.search(parts[-1]) if parts else None
    if match:
        return [int(match[1])]
    if len(parts) > 1 and (parts[-2] in ("HTTPStatus", "codes", "client") or "status" in parts[-2].lower()):
        name = parts[-1].upper()
        if name in HTTPStatus.__members__:
            return [HTTPStatus[name].value]
    return []


def _computed(index: Index, ref: Ref, depth: int) -> Statuses:
    """Arithmetic and conversions."""
    module = ref[0]
    node = index.project.node(ref)
    op = node[0]
    found: Statuses = {}
    for each in _alternatives(index, ref, node):
        for one, grade in statuses(index, each, depth - 1).items():
            _put(found, one, grade)
    if not found and (named_so := _named_in(node)) is not None:
        return {named_so: Grade.PROBABLE}  # `status` may be a project's own proxy of the framework's module
    if op == "attr" and node[2] in ("value", "real"):
        return statuses(index, (module, node[1]), depth - 1)
    if op == "call" and len(node[2]) >= 1 and index.externals(ref) & _CONVERSIONS:
        return statuses(index, (module, node[2][-1]), depth - 1)
    if op == "call" and len(node[2]) == 2 and index.externals(ref) & _SETTINGS:
        return {number: min(grade, Grade.PROBABLE) for number, grade in statuses(index, (module, node[2][1])).items()}
    if op == "call":
        for callee in index.callees(ref):
            for result in index.project.scope(callee.function).results:
                for one, grade in statuses(index, (callee.function[0], result), depth - 1).items():
                    _put(found, one, min(grade, callee.grade))
    if op == "sub" and "http.HTTPStatus" in index.names.dotted((module, node[1])):
        words = [value[2] for value in index.values((module, node[2])) if value[:2] == ("const", "str")]
        return {number: Grade.DEFINITE for word in words for number in named(f"http.HTTPStatus.{word}")}
    if op == "binary" and node[1] in _ARITHMETIC:
        left = _numbers(index, (module, node[2]), depth - 1)
        right = _numbers(index, (module, node[3]), depth - 1)
        for one, first in left.items():
            for other, second in right.items():
                _put(found, _ARITHMETIC[node[1]](one, other), min(first, second))
    return found


def _named_in(node: Node) -> int | None:
    """The number that the name of an attribute says: `status.HTTP_502_BAD_GATEWAY`."""
    match = _NAMED.match(str(node[2])) if node[0] == "attr" else None
    return int(match[1]) if match else None


def _alternatives(index: Index, ref: Ref, node: Node) -> list[Ref]:
    """The expressions of which this one is one."""
    op, module = node[0], ref[0]
    if op == "free":
        return [each for each in index.names.binding((module, node[2]), node[1]) or () if each != ref]
    numbers: list[int] = []
    if op in ("phi", "or", "and"):
        numbers = list(node[1])
    elif op in ("local", "annotated"):
        numbers = [node[2]]
    elif op == "narrow":
        numbers = [node[1]]
    elif op == "ifexp":
        numbers = [node[2], node[3]]
    return [(module, number) for number in numbers if number >= 0]


def _numbers(index: Index, ref: Ref, depth: int) -> Statuses:
    """Like statuses, but of any size."""
    found: Statuses = {}
    for value, evidence in index.values(ref).items():
        if value[0] == "const" and value[1] == "int" and value[2] is not None:
            _put(found, int(value[2]), Grade(evidence.grade))
        else:
            for number in _of_value(index, value, depth):
                _put(found, number, Grade(evidence.grade))
    return found or _computed(index, ref, depth)
