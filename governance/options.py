"""Options: TOML values -> typed values, checked by reflection over a frozen dataclass.

Field `allowed_callers` is the key `allowed-callers`. Types: str, bool, int, float, Literal, tuple[T, ...],
dict[str, T], frozen dataclasses and unions of these. Every mistake is reported, none stops the others.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, TypeVar

T = TypeVar("T")
Complain = Callable[[str, str], None]
"""Takes the path of a key below the table and what is wrong with its value."""

_INVALID: Any = object()


def build(cls: type[T], table: Mapping[str, Any], complain: Complain, prefix: str = "") -> T | None:
    """An instance of the dataclass, or None after at least one complaint."""
    known = {key_of(field): field for field in fields(cls)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    complaints = 0
    for key, value in table.items():
        if key not in known:
            complain(prefix + key, f"unknown key{did_you_mean(key, known)}")
            complaints += 1
            continue
        converted = _convert(value, hints[known[key].name], complain, prefix + key)
        values[known[key].name] = converted
        complaints += converted is _INVALID
    for key, field in known.items():
        if field.name not in values and field.default is MISSING and field.default_factory is MISSING:
            complain(prefix + key, f"missing: {describe(hints[field.name])} is required")
            complaints += 1
    if complaints:
        return None
    try:
        return cls(**values)
    except ValueError as error:
        complain(prefix.rstrip("."), str(error))
        return None


def key_of(field: Field[Any]) -> str:
    """The TOML key of a dataclass field."""
    return field.name.replace("_", "-")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or the known words if none is near and they are few."""
    words = sorted(known)
    near = difflib.get_close_matches(word.replace("_", "-"), words, n=1, cutoff=0.6)
    if near:
        return f'; did you mean "{near[0]}"?'
    return f"; known: {', '.join(words)}" if 0 < len(words) <= 16 else ""


def describe(hint: Any) -> str:
    """A type in the words of TOML."""
    simple = {str: "a string", bool: "true or false", int: "a whole number", float: "a number"}
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if hint in simple:
        return simple[hint]
    if origin is typing.Literal:
        return "one of " + ", ".join(f'"{word}"' for word in args)
    if origin is tuple:
        return "a list of strings" if args[0] is str else f"a list ({describe(args[0])} each)"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe(arg) for arg in args if arg is not type(None))
    return "a table"


def _convert(value: Any, hint: Any, complain: Complain, path: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(value, [arg for arg in args if arg is not type(None)], complain, path)
    if origin is tuple and isinstance(value, list):
        items = [_convert(item, args[0], complain, f"{path}[{number}]") for number, item in enumerate(value)]
        return _INVALID if any(item is _INVALID for item in items) else tuple(items)
    if origin is dict and isinstance(value, dict):
        pairs = {key: _convert(item, args[1], complain, f"{path}.{key}") for key, item in value.items()}
        return _INVALID if any(item is _INVALID for item in pairs.values()) else pairs
    if is_dataclass(hint) and isinstance(hint, type) and isinstance(value, dict):
        built = build(hint, value, complain, f"{path}.")
        return _INVALID if built is None else built
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is hint or (origin is typing.Literal and value in args and type(value) is str):
        return value
    complain(path, f"must be {describe(hint)}, is {_shown(value)}{_remedy(value, hint)}")
    return _INVALID


def _union(value: Any, hints: list[Any], complain: Complain, path: str) -> Any:
    if len(hints) == 1:
        return _convert(value, hints[0], complain, path)
    for hint in hints:
        converted = _convert(value, hint, lambda *_: None, path)
        if converted is not _INVALID:
            return converted
    complain(path, f"must be {' or '.join(map(describe, hints))}, is {_shown(value)}")
    return _INVALID


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}..."'
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else str(value)


def _remedy(value: Any, hint: Any) -> str:
    if typing.get_origin(hint) is tuple and isinstance(value, str):
        return f'; write ["{value}"]'
    if typing.get_origin(hint) is typing.Literal and isinstance(value, str):
        near = difflib.get_close_matches(value, typing.get_args(hint), n=1)
        return f'; did you mean "{near[0]}"?' if near else ""
    return ""
