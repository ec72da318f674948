"""Presets: contract instances with blanks that the user fills in, one TOML file each, found by name.

    [parameters.runner]
    description = "the only function that may run a plugin"
    default = "app.runner:ToolRunner.run"     # without a default the user must give it
    type = "string"                           # string (default), strings, table, boolean

    [contracts.only-runner-runs-plugins]
    type = "confined-call"
    allowed = ["${runner}", "${more-runners}"]

`${name}` inside a string takes a string. A string that is nothing but `${name}` becomes the value itself, and inside a
list the items of a list.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from governance.options import Complain, build, did_you_mean

_PLACEHOLDER: Final = re.compile(r"\$\{([^}]*)\}")
_KINDS: Final = {"string": (str, "a string"), "table": (dict, "a table"), "boolean": (bool, "true or false")}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One blank of a preset."""

    description: str
    default: str | bool | tuple[str, ...] | dict[str, str] | dict[str, tuple[str, ...]] | None = None
    type: Literal["string", "strings", "table", "boolean"] = "string"

    def mistake(self, value: Any) -> str:
        """What is wrong with a value that the user gave, "" if nothing."""
        if self.type == "strings":
            fine = isinstance(value, list) and all(isinstance(item, str) for item in value)
            return "" if fine else f"must be a list of strings: {self.description}"
        kind, words = _KINDS[self.type]
        return "" if isinstance(value, kind) else f"must be {words}: {self.description}"


def names() -> list[str]:
    """The presets that come with the tool."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.toml"))


def contracts(name: str, given: Mapping[str, Any], complain: Complain) -> dict[str, dict[str, Any]]:
    """The contracts of a preset as TOML tables, blanks filled with what the user gave.

    Mistakes of the user go to `complain` under the parameter's key. Raises ValueError when the preset itself is wrong.
    """
    return fill(name, document(name), given, complain)


def document(name: str) -> dict[str, Any]:
    """A preset that comes with the tool, as it is written. Raises OSError if there is none of that name."""
    return tomllib.loads(Path(__file__).with_name(f"{name}.toml").read_text(encoding="utf-8"))


def fill(
    name: str, document: dict[str, Any], given: Mapping[str, Any], complain: Complain
) -> dict[str, dict[str, Any]]:
    """`contracts` for a preset document that is at hand."""
    mistakes = [f"unknown key {key}" for key in document.keys() - {"description", "parameters", "contracts"}]
    parameters = {}
    for key, table in document.get("parameters", {}).items():
        parameter = build(Parameter, table, lambda path, text, key=key: mistakes.append(f"{key}.{path}: {text}"))  # type: ignore[misc]
        if parameter is not None:
            parameters[key] = (parameter, "default" in table, table.get("default"))
    values: dict[str, Any] = {}
    for key in given.keys() - parameters.keys():
        complain(key, f'preset "{name}" has no such parameter{did_you_mean(key, parameters)}')
    for key, (parameter, has_default, default) in parameters.items():
        if key not in given and not has_default:
            complain(key, f'missing: preset "{name}" needs {parameter.description}')
        elif mistake := parameter.mistake(given.get(key, default)):
            complain(key, mistake)
        values[key] = given.get(key, default)
    used: set[str] = set()
    filled = {slug: _filled(table, values, used, mistakes) for slug, table in document.get("contracts", {}).items()}
    mistakes += _misplaced(
        document.get("contracts", {}), {key for key in parameters if parameters[key][0].type != "string"}
    )
    mistakes += [f"parameter {key} is used by no contract" for key in parameters.keys() - used]
    if mistakes:
        raise ValueError(f'preset "{name}": ' + "; ".join(sorted(mistakes)))
    return filled


def _filled(value: Any, values: Mapping[str, Any], used: set[str], mistakes: list[str]) -> Any:
    if isinstance(value, dict):
        return {
            _text(key, values, used, mistakes): _filled(item, values, used, mistakes) for key, item in value.items()
        }
    if isinstance(value, list):
        items: list[Any] = []
        for item in value:
            filled = _filled(item, values, used, mistakes)
            items += filled if isinstance(filled, list) and isinstance(item, str) else [filled]
        return items
    if not isinstance(value, str):
        return value
    whole = _PLACEHOLDER.fullmatch(value)
    if whole and whole[1] in values:
        used.add(whole[1])
        return values[whole[1]]
    return _text(value, values, used, mistakes)


def _misplaced(value: Any, names: set[str]) -> list[str]:
    """Blanks that do not take a string, but stand inside one."""
    if isinstance(value, dict):
        return [
            text for key, item in value.items() for text in (*_misplaced(f"{key} ", names), *_misplaced(item, names))
        ]
    if isinstance(value, list):
        return [text for item in value for text in _misplaced(item, names)]
    if not isinstance(value, str) or _PLACEHOLDER.fullmatch(value):
        return []
    found = [match[1] for match in _PLACEHOLDER.finditer(value) if match[1] in names]
    return [f"parameter {name} is not a string and cannot stand inside one" for name in found]


def _text(text: str, values: Mapping[str, Any], used: set[str], mistakes: list[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        name = match[1]
        used.add(name)
        value = values.get(name)
        if name not in values:
            mistakes.append(f"${{{name}}} is not declared under [parameters]")
        return value if isinstance(value, str) else ""

    return _PLACEHOLDER.sub(replace, text)
