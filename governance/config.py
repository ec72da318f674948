"""Config: `[tool.governance]` of pyproject.toml, or governance.toml -> Settings. Every mistake is reported at once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from governance import contract_types, globs, options, presets
from governance.config_file import InvalidConfig, Mistake, line_of, own_table
from governance.contract_types import ContractType, UnusableType
from governance.findings import GUARD
from governance.options import Complain, did_you_mean
from governance.settings import Contract, FileSettings, Settings, Terms

_SLUG: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

FindType = Callable[[str], ContractType | None]


def read(name: str, content: bytes, find_type: FindType = contract_types.load) -> Settings:
    """The settings of a configuration file of that name. Raises InvalidConfig with every mistake."""
    try:
        text = content.decode("utf-8")
        document = tomllib.loads(text)
    except UnicodeDecodeError as error:
        raise InvalidConfig([Mistake(name, "", f"is not UTF-8 (byte {error.start})")]) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidConfig([Mistake(name, "", f"is not TOML: {error}")]) from error
    table, prefix = own_table(name, document)
    if not isinstance(table, dict):
        raise InvalidConfig([Mistake(name, prefix, "missing: there is no such table")])
    return _Reading(name, text, prefix, find_type).settings(table)


def guarded(settings: Settings, find_type: FindType = contract_types.load) -> Settings:
    """The settings with a contract that guards them, whatever they say themselves: what a change takes out of the
    configuration still has to answer for it."""
    kind = find_type(GUARD)
    if kind is None or any(contract.terms.type == GUARD for contract in settings.contracts):
        return settings
    name = GUARD
    while name in settings.disabled or any(contract.id == name for contract in settings.contracts):
        name += "-guard"
    terms = Terms(GUARD, "a check that a change may weaken does not judge that change", _WAY_OUT)
    contracts = sorted((*settings.contracts, Contract(name, terms, kind.options())), key=lambda each: each.id)
    return replace(settings, contracts=tuple(contracts))


_WAY_OUT: Final = "keep the contract as it was, or have the weakening approved by itself by whoever owns the policy"


class _Reading:
    """One pass over one file; collects mistakes."""

    def __init__(self, path: str, text: str, prefix: str, find_type: FindType) -> None:
        self.path, self.prefix, self.find_type = path, prefix, find_type
        self.text = text
        self.mistakes: list[Mistake] = []
        self.sources: set[str] = set()

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
        return Settings(self.path, files, tuple(contracts), disabled, tuple(sorted(self.sources)))

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
        if kind.name == GUARD:
            for key in ("exclude", "tests"):
                if key in table:
                    complain(key, "what this contract finds cannot be exempted: it guards the exemptions too")
        before = len(self.mistakes)
        own = {key: value for key, value in table.items() if key not in common}
        built = options.build(kind.options, own, complain)
        self._explain_unknown(before, common)
        if built is None or terms is None:
            return None
        return Contract(slug, terms, built, line_of(self.text, slug))

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
            kind = self.find_type(name)
        except UnusableType as error:
            complain("type", str(error))
            return None
        if kind is None:
            known = [*contract_types.own_types(), *contract_types.foreign_types()]
            complain("type", f'no contract type is named "{name}"{did_you_mean(name, known)}')
        elif kind.source:
            self.sources.add(kind.source)
        return kind

    def _check_globs(self, patterns: object, complain: Complain, key: str) -> None:
        for pattern in patterns if isinstance(patterns, (list, tuple)) else ():
            if isinstance(pattern, str) and (mistake := globs.problem(pattern)):
                complain(key, f'"{pattern}" {mistake}')
