"""What a plugin is: a description of itself and one method.

A plugin lives in a module of its own, which names its class ``PLUGIN``; discovery finds it there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Literal, Protocol, get_args

IsolationMode = Literal["process", "thread"]
Need = Literal["network", "processes"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


def is_plugin_name(text: str) -> bool:
    """Lower-case letters, digits, ``-`` and ``_``; at most 64 of them, the first a letter or digit."""
    return _NAME.fullmatch(text) is not None


class SpecError(ValueError):
    """A plugin describes itself wrongly; the message names every field at fault."""


@dataclass(frozen=True, kw_only=True)
class PluginSpec:
    """A plugin's description of itself; plain data, so that it can cross a process boundary.

    ``input_schema`` and ``output_schema`` are JSON Schemas (2020-12) of type object.
    ``isolation`` is ``process`` unless the plugin is trusted to run inside the server, where it can be
    neither limited nor stopped. ``timeout_seconds``, ``memory_mb`` and ``cpu_seconds`` tighten the server's
    limits. ``needs`` are what a plugin process cannot do unless it asks: use the network, start processes.
    ``max_attempts`` above 1 says that an execution may be repeated when the process or the machine that ran
    it is lost; without that it is FAILED.
    """

    name: str
    version: str
    description: str
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    isolation: IsolationMode = "process"
    timeout_seconds: float | None = None
    memory_mb: int | None = None
    max_attempts: int = 1
    cpu_seconds: int | None = None
    needs: tuple[Need, ...] = ()
    allows_empty_result: bool = False

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SpecError("; ".join(problems))

    def _problems(self) -> list[str]:
        values = vars(self)  # what plugins and other processes give is not always of the annotated type
        return [f"{name} must be {wanted}" for name, (wanted, is_met) in _RULES.items() if not is_met(values[name])]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> PluginSpec:
        """The spec that another process sent.

        Raises:
            SpecError: keys are missing or unknown, or a value is not allowed.
        """
        known = {item.name for item in fields(cls)}
        if set(data) != known:
            raise SpecError(f"expected exactly the fields {', '.join(sorted(known))}")
        needs = data["needs"]
        return cls(**{**data, "needs": tuple(needs) if isinstance(needs, list) else needs})


def _is_name(value: object) -> bool:
    return isinstance(value, str) and is_plugin_name(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _is_object_schema(value: object) -> bool:
    return isinstance(value, Mapping) and value.get("type") == "object"


def _is_limit(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and value > 0)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 100


def _is_whole_limit(value: object) -> bool:
    return _is_limit(value) and not isinstance(value, float)


def _are_needs(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(need, str) and need in get_args(Need) for need in value)


_RULES: Final[dict[str, tuple[str, Callable[[object], bool]]]] = {
    "name": ("1 to 64 of a-z, 0-9, '-' and '_', beginning with a letter or digit", _is_name),
    "version": ("a text that is not empty", _is_text),
    "description": ("a text that is not empty", _is_text),
    "input_schema": ('a JSON Schema with "type": "object"', _is_object_schema),
    "output_schema": ('a JSON Schema with "type": "object"', _is_object_schema),
    "isolation": ("process or thread", lambda value: value in get_args(IsolationMode)),
    "timeout_seconds": ("a number above 0", _is_limit),
    "memory_mb": ("a number above 0", _is_limit),
    "max_attempts": ("a whole number from 1 to 100", _is_count),
    "cpu_seconds": ("a whole number above 0", _is_whole_limit),
    "needs": (f"a tuple out of {', '.join(get_args(Need))}", _are_needs),
    "allows_empty_result": ("true or false", lambda value: isinstance(value, bool)),
}


class Plugin(Protocol):
    """Anything with a ``spec`` and a ``run``. Only ToolRunner may call ``run``."""

    @property
    def spec(self) -> PluginSpec: ...

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Do the work on a payload that fits the input schema; the result must fit the output schema.

        Raise ``InputValidationError`` for a payload that no schema could have refused, ``PluginError``
        for a failure whose message the caller may read. Of any other exception the caller sees the type.
        """
        ...
