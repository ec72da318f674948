"""Config: `[tool.governance]` of pyproject.toml, or governance.toml -> Settings. Every mistake is reported at once."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from governance import contract_types, globs, options, presets
from governance.contract_types import ContractType, UnusableType
from governance.options import Complain, did_you_mean
from governance.settings import Contract, FileSettings, Settings, Terms

FILE_NAMES: Final = ("governance.toml", "pyproject.toml")
_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Loader = Callable[[str], ContractType | None]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a configuration: the file, the key (dotted, "" for the file itself) and what."""

    path: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.key}: {self.message}" if self.key else f"{self.path}: {self.message}"


class InvalidConfig(Exception):
    """The configuration cannot be used; `mistakes` holds everything that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def find(start: Path) -> Path:
    """The configuration that governs a folder: of the nearest folder upwards that has one, not beyond its repository.

    Raises InvalidConfig if there is none, or two side by side.
    """
    for folder in (start, *start.parents):
        found = [folder / name for name in FILE_NAMES if _speaks_of_us(folder / name)]
        if len(found) > 1:
            raise InvalidConfig([Mistake(str(found[1]), "", "has [tool.governance] beside governance.toml: keep one")])
        if found:
            return found[0]
        if (folder / ".git").exists():
            break
    message = "no [tool.governance] in pyproject.toml and no governance.toml here or above: nothing says what to check"
    raise InvalidConfig([Mistake(str(start), "", message)])


def read(path: Path, load: Loader = contract_types.load) -> Settings:
    """The settings of a configuration file. Raises InvalidConfig with every mistake; `load` finds contract types."""
    try:
        text = path.read_bytes().decode("utf-8")
        document = tomllib.loads(text)
    except OSError as error:
        raise InvalidConfig([Mistake(str(path), "", f"cannot be read: {error.strerror}")]) from error
    except UnicodeDecodeError as error:
        raise InvalidConfig([Mistake(str(path), "", f"is not UTF-8 (byte {error.start})")]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidConfig([Mistake(str(path), "", f"is not TOML: {error}")]) from error
    table, prefix = _own_table(path.name, document)
    if not isinstance(table, dict):
        raise InvalidConfig([Mistake(path.name, prefix, "missing: there is no such table")])
    return _Reading(path.name, text, prefix, load).settings(table)


def _own_table(name: str, document: dict[str, Any]) -> tuple[Any, str]:
    tool = document.get("tool")
    if name == "pyproject.toml" or (isinstance(tool, dict) and "governance" in tool):
        return tool.get("governance") if isinstance(tool, dict) else None, "tool.governance"
    return document, ""


def _speaks_of_us(path: Path) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    if path.name == "governance.toml":
        return True
    if b"governance" not in content:
        return False
    try:
        return _own_table(path.name, tomllib.loads(content.decode()))[0] is not None
    except (ValueError, RecursionError):
        return b"tool.governance" in content


class _Reading:
    """One pass over one file; collects mistakes."""

    def __init__(self, path: str, text: str, prefix: str, load: Loader) -> None:
        self.path, self.prefix, self.load = path, prefix, load
        self.lines = text.split("\n")
        self.digest = hashlib.blake2b(text.encode(), digest_size=16)
        self.mistakes: list[Mistake] = []

    def complain(self, *parts: str) -> Complain:
        """Takes mistakes below a table of the user's file."""

        def complain(key: str, message: str) -> None:
            path = ".".join(part for part in (self.prefix, *parts, key) if part)
            self.mistakes.append(Mistake(self.path, path, message))

        return complain

    def settings(self, table: dict[str, Any]) -> Settings:
        """The whole table. Raises InvalidConfig."""
        names, known = self._presets(table), presets.names()
        user = self._contracts(table)
        own = {key: value for key, value in table.items() if key not in ("presets", "contracts", *known)}
        file_keys = {options.key_of(field) for field in fields(FileSettings)}
        for key in sorted(own.keys() - file_keys):
            self.complain()(key, f"unknown key{did_you_mean(key, [*file_keys, 'presets', 'contracts', *known])}")
        files = options.build(FileSettings, {key: own[key] for key in own.keys() & file_keys}, self.complain())
        if files is not None:
            self._check_files(files)
        preset_contracts, unfilled = self._preset_contracts(table, names, known)
        contracts, disabled = [], {}
        for slug in sorted((preset_contracts.keys() | user.keys()) - unfilled):
            built = self._contract(slug, preset_contracts.get(slug), user.get(slug, {}))
            if isinstance(built, str):
                disabled[slug] = built
            elif built is not None:
                contracts.append(built)
        if not contracts and not self.mistakes:
            message = "no contract is configured, so nothing would be checked: name a preset or add one"
            self.complain()("contracts", message)
        if self.mistakes or files is None:
            raise InvalidConfig(sorted(self.mistakes, key=lambda mistake: mistake.key))
        return Settings(self.path, files, tuple(contracts), disabled, self.digest.hexdigest())

    def _presets(self, table: dict[str, Any]) -> list[str]:
        names = table.get("presets", [])
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self.complain()("presets", 'must be a list of strings, such as ["execution"]')
            return []
        known = presets.names()
        for name in names:
            if name not in known:
                self.complain()("presets", f'no preset is named "{name}"{did_you_mean(name, known)}')
        return [name for name in names if name in known]

    def _check_files(self, files: FileSettings) -> None:
        self._check_globs(files.exclude, self.complain(), "exclude")
        self._check_globs(files.test_files, self.complain(), "test-files")
        for key, paths in (("paths", files.paths), ("source-roots", files.source_roots)):
            for path in paths:
                if path.startswith("/") or ".." in path.split("/") or not path.strip():
                    self.complain()(key, f'"{path}" leads out of the project: paths are relative to its root')
        if files.max_file_kilobytes < 1:
            self.complain()("max-file-kilobytes", f"must be at least 1, is {files.max_file_kilobytes}")

    def _preset_contracts(
        self, table: dict[str, Any], names: list[str], known: list[str]
    ) -> tuple[dict[str, dict[str, Any]], set[str]]:
        """The contracts of the presets in use, and the ids of those whose blanks could not be filled."""
        merged: dict[str, dict[str, Any]] = {}
        unfilled: set[str] = set()
        for name in known:
            given = table.get(name, {})
            if name in table and name not in names:
                self.complain()(name, f'parameters of a preset that is not in use; add presets = ["{name}"]')
            elif not isinstance(given, dict):
                self.complain()(name, "must be a table: the parameters of the preset")
            elif name in names:
                before = len(self.mistakes)
                filled = presets.contracts(name, given, self.complain(name))
                merged |= filled
                unfilled |= filled.keys() if len(self.mistakes) > before else set()
        return merged, unfilled

    def _contracts(self, table: dict[str, Any]) -> dict[str, dict[str, Any]]:
        contracts = table.get("contracts", {})
        if not isinstance(contracts, dict):
            self.complain()("contracts", "must be a table: [contracts.<id>] for every contract")
            return {}
        good = {}
        for slug, contract in contracts.items():
            if not _SLUG.fullmatch(slug):
                self.complain("contracts")(slug, "an id is made of lower-case words joined by hyphens")
            elif not isinstance(contract, dict):
                self.complain("contracts")(slug, "must be a table")
            else:
                good[slug] = contract
        return good

    def _contract(self, slug: str, preset: dict[str, Any] | None, user: Mapping[str, Any]) -> Contract | str | None:
        complain = self.complain("contracts", slug)
        if "enabled" in user:
            return self._switch(slug, preset, user, complain)
        table = {**(preset or {}), **user}
        if preset and user.get("type", preset["type"]) != preset["type"]:
            complain("type", f'the preset\'s contract is a "{preset["type"]}"; choose another id for a new contract')
            return None
        common = {options.key_of(field) for field in fields(Terms)}
        terms = options.build(Terms, {key: table[key] for key in table.keys() & common}, complain)
        self._check_globs(table.get("exclude", []), complain, "exclude")
        if isinstance(table.get("because"), str) and not table["because"].strip():
            complain("because", "is empty: say why this must hold")
        kind = self._type(table.get("type"), complain)
        if kind is None:
            return None
        before = len(self.mistakes)
        own = {key: value for key, value in table.items() if key not in common}
        built = options.build(kind.options, own, complain)
        self._explain_unknown(before, common)
        if built is None or terms is None:
            return None
        return Contract(slug, terms, built, self._line(slug))

    def _explain_unknown(self, before: int, common: set[str]) -> None:
        for number, mistake in enumerate(self.mistakes[before:], before):
            key = mistake.key.rpartition(".")[2]
            near = did_you_mean(key, common)
            if mistake.message.startswith("unknown key") and "did you mean" in near:
                self.mistakes[number] = Mistake(mistake.path, mistake.key, f"unknown key{near}")

    def _switch(self, slug: str, preset: object, user: Mapping[str, Any], complain: Complain) -> str | None:
        because = user.get("because")
        if user["enabled"] is not False:
            complain("enabled", "can only be false; leave it out otherwise")
        elif preset is None:
            complain("enabled", f'no preset in use has a contract "{slug}" to switch off; delete the table instead')
        elif not isinstance(because, str) or not because.strip():
            complain("because", "missing: say why the contract of the preset is switched off")
        elif extra := sorted(user.keys() - {"enabled", "because"}):
            complain(extra[0], "has no effect on a contract that is switched off")
        else:
            return because
        return None

    def _type(self, name: object, complain: Complain) -> ContractType | None:
        if not isinstance(name, str):
            return None
        try:
            kind = self.load(name)
        except UnusableType as error:
            complain("type", str(error))
            return None
        if kind is None:
            known = [*contract_types.own_types(), *contract_types.foreign_types()]
            complain("type", f'no contract type is named "{name}"{did_you_mean(name, known)}')
        elif kind.source:
            self.digest.update(Path(kind.source).read_bytes())
        return kind

    def _check_globs(self, patterns: object, complain: Complain, key: str) -> None:
        for pattern in patterns if isinstance(patterns, (list, tuple)) else ():
            if isinstance(pattern, str) and (mistake := globs.problem(pattern)):
                complain(key, f'"{pattern}" {mistake}')

    def _line(self, slug: str) -> int:
        header = re.compile(rf"""\s*\[[^\]]*contracts\s*\.\s*["']?{re.escape(slug)}["']?\s*\]""")
        return next((number for number, line in enumerate(self.lines, 1) if header.match(line)), 0)
