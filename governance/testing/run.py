"""Running an example through the real steps: extract, index, check, locate; the answer is plain data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import PurePosixPath
from typing import Any

from governance import contract_types, options
from governance.contract import Report
from governance.contract_types import ContractType
from governance.extract import ExtractError, extract, locate, locate_name
from governance.files import Base, GivenFiles
from governance.findings import Grade
from governance.index import Index, Module
from governance.settings import Contract, Terms
from governance.testing.page import Example

FindType = Callable[[str], "ContractType | None"]


class CaseError(ValueError):
    """An example that cannot be run as it stands: unknown type, wrong options, code that does not parse."""


@dataclass(frozen=True, slots=True)
class Reported:
    """One finding of a run. line: 1-based, 0 for the file as a whole; chain: the texts of its steps."""

    path: str
    line: int
    check: str
    message: str
    fails: bool
    grade: Grade
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the contracts of an example said. broken: (option, text) of anchors that name nothing; vacuous: ids of
    contracts that looked at nothing and found nothing."""

    reported: tuple[Reported, ...]
    broken: tuple[tuple[str, str], ...]
    vacuous: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    """(id, reason) of contracts that were not asked."""


def answer(example: Example, find_type: FindType = contract_types.load) -> Answer:
    """Check the files of an example against its contracts; raises CaseError. Nothing is written or imported."""
    sources = {file.path: file.text.encode() for file in example.files if not (file.absent or file.at)}
    modules = (_module(path, source) for path, source in sources.items() if path.endswith((".py", ".pyi")))
    index = Index(modules, GivenFiles(sources, _bases(example, sources)))
    paths = {name: module.path for name, module in index.project.modules.items()}
    reported: list[Reported] = []
    broken: list[tuple[str, str]] = []
    vacuous: list[str] = []
    skipped: list[tuple[str, str]] = []
    for name, table in example.contracts.items():
        contract = contract_of(name, table, find_type)
        report = _type(name, table, find_type).check(index, contract.options)
        reported.extend(_reported(report, contract.fail_on, paths, sources))
        broken.extend((each.option, f"{each.symbol} {each.message} {each.suggestion}") for each in report.broken)
        if report.skipped:
            skipped.append((name, report.skipped))
        elif not (report.sites or report.violations or report.broken):
            vacuous.append(name)
    return Answer(tuple(reported), tuple(broken), tuple(vacuous), tuple(skipped))


def _bases(example: Example, sources: Mapping[str, bytes]) -> dict[str, Base]:
    """The earlier revisions an example shows."""
    held: dict[str, dict[str, bytes]] = {}
    for file in example.files:
        if file.at:
            held.setdefault(file.at, {})[file.path] = file.text.encode()
    return {revision: Base.given(files, sources) for revision, files in held.items()}


def module_name(path: str) -> tuple[str, bool]:
    """The dotted name of an example's file, and whether it is a package; the root of the example is the only root."""
    parts = PurePosixPath(path).with_suffix("").parts
    if parts[-1] == "__init__":
        return ".".join(parts[:-1]), True
    return ".".join(parts), False


def _module(path: str, source: bytes) -> Module:
    name, is_package = module_name(path)
    try:
        facts = extract(source)
    except ExtractError as error:
        raise CaseError(f"{path} cannot be read: {error}") from error
    return Module(name, path, facts, is_package)


def _type(name: str, table: Mapping[str, Any], find_type: FindType) -> ContractType:
    kind = find_type(str(table["type"]))
    if kind is None:
        raise CaseError(f"{name}: there is no contract type {table['type']!r}")
    return kind


def contract_of(name: str, table: Mapping[str, Any], find_type: FindType) -> Contract:
    """A contract of an example as the configuration would make it; raises CaseError."""
    kind = _type(name, table, find_type)
    complaints: list[str] = []

    def complain(key: str, text: str) -> None:
        complaints.append(f"{name}.{key}: {text}")

    common = {options.key_of(field) for field in fields(Terms)}
    terms = options.build(Terms, {"because": "-"} | {k: v for k, v in table.items() if k in common}, complain)
    own = options.build(kind.options, {k: v for k, v in table.items() if k not in common}, complain)
    if terms is None or own is None:
        raise CaseError("; ".join(complaints))
    return Contract(name, terms, own)


def _reported(report: Report, fail_on: Grade, paths: Mapping[str, str], sources: Mapping[str, bytes]) -> list[Reported]:
    wanted: dict[str, set[int]] = {}
    for violation in report.violations:
        if violation.ref is not None:
            wanted.setdefault(violation.ref[0], set()).add(violation.ref[1])
    places = {module: locate(sources[paths[module]], nodes) for module, nodes in wanted.items()}
    reported: list[Reported] = []
    for violation in report.violations:
        path, line = violation.path, violation.line
        if violation.ref is not None:
            path, span = paths[violation.ref[0]], places[violation.ref[0]][violation.ref[1]]
            line = (locate_name(sources[path], span, violation.name) if violation.name else span).line
        chain = tuple(step.text for step in violation.chain)
        fails = violation.grade >= fail_on
        reported.append(Reported(path, line, violation.check, violation.message, fails, violation.grade, chain))
    return reported
