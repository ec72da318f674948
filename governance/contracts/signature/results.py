"""Results: whether every value a function returns has the declared shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from governance.contract import Ref, Trail
from governance.contracts.signature import forms
from governance.contracts.signature.forms import Form
from governance.findings import Grade
from governance.index import Index
from governance.index.values import NONE, FunctionId, Key, Value

ANY = forms.ANY
_OTHER_KINDS = {"fn": "a function", "bm": "a method", "cls": "a class", "mod": "a module", "enum": "an enum member"}
_SILENT = re.compile(
    r"builtins\.print|logging(\.getLogger|\.Logger)?\.(debug|info|warning|error|exception|critical|log)"
)
"""External calls that give nothing."""

_NAMES = 8
"""Names that are seen through between a `return` and what was made."""

_COUNTS = {1: "one", 2: "a pair", 3: "three", 4: "four"}
_PLACES = ("first", "second", "third", "fourth")
_DEPTH = 4
"""Tuples in tuples that are looked into."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """A returned value that does not fit."""

    at: Ref
    text: str
    grade: Grade
    chain: tuple[Trail, ...] = ()


def misfits(index: Index, function: FunctionId, declared: Form, wrapped: FunctionId) -> Iterator[Misfit]:
    """Every `return` of a function whose value cannot be of the declared form. wrapped: the function it decorates."""
    for number in index.project.scope(function).results:
        ref = (function[0], number)
        seen: set[str] = set()
        for value, evidence in index.values(ref).items():
            text = _unfit(index, ref, value, declared)
            if function != wrapped and value[0] == "coro" and value[1][1:] == wrapped:
                continue
            if text and text not in seen:
                seen.add(text)
                yield Misfit(ref, f"returns {text}", Grade(evidence.grade), index.chain(ref, value))


def is_iterator(declared: Form) -> bool:
    """Whether a generator is an answer."""
    head = declared[1] if declared[0] == "of" else declared
    names = ("Iterator", "Iterable", "Generator", "AsyncIterator", "AsyncIterable", "AsyncGenerator")
    return head in (ANY, *(("type", name) for name in names))


def wants_value(declared: Form) -> bool:
    """Whether None is no answer."""
    return not forms.optional(declared)


def _unfit(index: Index, ref: Ref, value: Value, declared: Form, depth: int = _DEPTH) -> str:
    """What is wrong with a value, "" if nothing is known to be."""
    if value == NONE:
        return "None" if wants_value(declared) else ""
    if value[0] == "xinst" and _SILENT.fullmatch(value[1]):
        return "None" if wants_value(declared) else ""
    if value[0] == "coro":
        return "a coroutine that nobody awaits" if declared[0] != "union" and not _awaitable(declared) else ""
    head = declared[1] if declared[0] == "of" else declared
    if head == ("type", "tuple"):
        return _not_a_tuple(index, ref, value, declared, depth)
    if head == ("type", "dict"):
        return _not_a_dict(index, value)
    return ""


def _awaitable(declared: Form) -> bool:
    head = declared[1] if declared[0] == "of" else declared
    return head in (ANY, *(("type", name) for name in ("Awaitable", "Coroutine", "Future", "object")))


def _not_a_tuple(index: Index, ref: Ref, value: Value, declared: Form, depth: int) -> str:
    parts: tuple[Form, ...] = declared[2] if declared[0] == "of" else ()  # type: ignore[assignment]
    wanted = len(parts) if parts and forms.ELLIPSIS not in parts else None
    kind = value[0]
    if kind == "cont":
        if value[1] == "tuple":
            count = len(value[2])
            if wanted not in (None, count):
                return f"{count} values instead of {_COUNTS.get(wanted or 0, wanted)}"
            return _wrong_part(index, ref, value[2], parts, depth - 1) if wanted and depth else ""
        if value[1] == "dict":
            return "a dictionary"
        return "a list" if _is_list(index, ref) else ""
    if kind in ("inst", "self"):
        bases = index.external_bases(value[1])
        if any(base.rpartition(".")[2] in ("NamedTuple", "tuple", "?") for base in bases) or "?" in bases:
            return ""
        return f"a {index.project.scope(value[1]).name}"
    if kind == "const":
        return f"{value[2]!r}"
    if kind == "xinst":
        name = value[1].removeprefix("builtins.")
        return f"a {name}" if name in ("str", "int", "float", "bool", "bytes", "dict", "list", "set") else ""
    return _OTHER_KINDS.get(kind, "")


def _wrong_part(index: Index, ref: Ref, keys: tuple[Key, ...], parts: tuple[Form, ...], depth: int) -> str:
    """The first value in a tuple that is not what is declared to stand there."""
    for position, (key, part) in enumerate(zip(keys, parts, strict=True)):
        at: Ref = (key[1], key[2]) if key[0] == "n" else ref
        for value in index.solver.ask(key):
            if text := _unfit(index, at, value, part, depth):
                place = f"{_PLACES[position]} value" if position < len(_PLACES) else f"value {position + 1}"
                return f"{text} as the {place}"
    return ""


def _is_list(index: Index, ref: Ref) -> bool:
    """Whether a sequence is returned as the display or comprehension it was made by, under a name or not."""
    for _ in range(_NAMES):
        node = index.project.node(ref)
        if node[0] not in ("local", "narrow", "annotated") or (following := node[1 if node[0] == "narrow" else 2]) < 0:
            break
        ref = (ref[0], following)
    return bool(node[0] in ("list", "comp"))


def _not_a_dict(index: Index, value: Value) -> str:
    kind = value[0]
    if kind == "cont":
        return "" if value[1] == "dict" else f"{len(value[2])} values" if value[1] == "tuple" else "a list"
    if kind == "const":
        return f"{value[2]!r}"
    if kind == "xinst":
        name = value[1].removeprefix("builtins.")
        return f"a {name}" if name in ("str", "int", "float", "bool", "bytes", "list", "set", "tuple") else ""
    if kind in ("inst", "self"):
        bases = index.external_bases(value[1])
        known = bases <= {"builtins.object", "abc.ABC", "typing.Generic", "enum.Enum"}
        return f"a {index.project.scope(value[1]).name}" if known else ""
    return _OTHER_KINDS.get(kind, "")
