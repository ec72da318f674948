"""The promises of a configuration file, presets applied and defaults filled in, so that two of them can be compared."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from governance import contract_types, options, presets
from governance.config_file import own_table
from governance.contract import Direction
from governance.contract_types import UnusableType
from governance.findings import GUARD
from governance.settings import FileSettings, Terms

Look = Callable[[str], "bytes | None"]
"""The content of a file of the project by its path."""
_COMMON: Final = frozenset(options.key_of(field) for field in fields(Terms))
_FILES: Final = frozenset(options.key_of(field) for field in fields(FileSettings))


class Unreadable(Exception):
    """A configuration cannot be compared; the text says why."""


@dataclass(frozen=True, slots=True)
class Promise:
    """One contract. preset: the preset it comes from, "" if none; options: None with a `mistake` that says why they
    cannot be read; weaker: for each option the direction in which it weakens the contract."""

    terms: Terms
    preset: str
    options: Any = None
    weaker: Mapping[str, Direction] | None = None
    mistake: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """All that a configuration promises. disabled: contracts of presets that are switched off, and why."""

    files: FileSettings
    promises: dict[str, Promise]
    disabled: dict[str, str]


def read(path: str, content: bytes, look: Look) -> Policy:
    """The promises of the configuration at that path. Raises Unreadable."""
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path} cannot be read: {error}") from error
    table, _ = own_table(path.rpartition("/")[2], document)
    mistakes: list[str] = []

    def complain(key: str, message: str) -> None:
        mistakes.append(f"{key}: {message}")

    contracts = _table(table if isinstance(table, dict) else {}, "contracts", complain)
    folder = next((each.get("presets") for each in contracts.values() if _guards(each)), None)
    given = _presets(table, folder if isinstance(folder, str) else "", look, complain)
    own = {key: value for key, value in table.items() if key in _FILES}
    files = options.build(FileSettings, own, complain)
    promises, disabled = {}, {}
    for name in sorted(given.keys() | contracts.keys()):
        user = _table(contracts, name, complain)
        preset, defaults = given.get(name, ("", {}))
        if user.get("enabled") is False:
            disabled[name] = str(user.get("because", ""))
        else:
            promises[name] = _promise({**defaults, **user}, preset)
    if mistakes or files is None:
        raise Unreadable(f"{path} cannot be read: {'; '.join(mistakes)}")
    return Policy(files, promises, disabled)


def _table(table: Mapping[str, Any], key: str, complain: options.Complain) -> dict[str, Any]:
    found = table.get(key, {})
    if isinstance(found, dict):
        return found
    complain(key, "must be a table")
    return {}


def _guards(contract: Any) -> bool:
    return isinstance(contract, dict) and contract.get("type") == GUARD


def _presets(
    table: Mapping[str, Any], folder: str, look: Look, complain: options.Complain
) -> dict[str, tuple[str, dict[str, Any]]]:
    """The contracts of the presets in use, each with the name of its preset."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    names = table.get("presets", [])
    for name in names if isinstance(names, list) else ():
        source = look(f"{folder}/{name}.toml") if folder else None
        if source is None and name not in presets.names():
            complain("presets", f'this version of the tool has no preset "{name}"')
            continue
        document = presets.document(name) if source is None else tomllib.loads(source.decode())
        filled = presets.fill(name, document, _table(table, name, complain), complain)
        found |= {contract: (name, each) for contract, each in filled.items()}
    return found


def _promise(table: Mapping[str, Any], preset: str) -> Promise:
    mistakes: list[str] = []

    def complain(key: str, message: str) -> None:
        mistakes.append(f"{key}: {message}")

    terms = options.build(Terms, {key: value for key, value in table.items() if key in _COMMON}, complain)
    name = str(table.get("type", ""))
    fallback = Terms(name, "")
    try:
        kind = contract_types.load(name)
    except UnusableType as error:
        return Promise(terms or fallback, preset, mistake=str(error))
    if kind is None:
        return Promise(terms or fallback, preset, mistake=f'no contract type is named "{name}"')
    built = options.build(kind.options, {key: value for key, value in table.items() if key not in _COMMON}, complain)
    if terms is None or built is None:
        return Promise(terms or fallback, preset, mistake="; ".join(mistakes))
    return Promise(terms, preset, built, kind.weaker)
