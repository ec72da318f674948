"""Selection: the files that have to be read, by `connection`, and the findings that stay when all are read anyway.

What was found out about contents is cached.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from governance import connection
from governance.cache import Cache
from governance.discovery import SourceFile
from governance.findings import GUARD, Finding

if TYPE_CHECKING:
    from governance.contract_types import ContractType
    from governance.settings import Settings

_KEY: Final = "connection-4"
"""Raised when what is kept about contents means something else."""


def select(
    root: Path,
    files: Sequence[SourceFile],
    sizes: Mapping[str, int],
    keys: Mapping[str, str],
    named: Iterable[Iterable[str]] | None,
    cache: Cache,
) -> list[SourceFile]:
    """The files that contracts can be about, in their order; all of them if too little could be left out.

    named: what each contract names (see `names`).
    """
    groups = connection.by_package(files)
    anchored = named is not None and all(connection.anchored(each, groups) for each in named)
    symbols = {symbol for each in named or () for symbol in each}
    if not anchored or sum(sizes[file.path] for file in files) < connection.WORTH:
        return list(files)
    key = f"{_KEY} {' '.join(sorted(groups))}"
    known = cache.connections(key)
    before = {question: len(found) for question, found in known.items()}
    inside = connection.connected(groups, symbols, lambda path, names: _text(root / path, names), known, keys)
    if before != {question: len(found) for question, found in known.items()}:
        contents = set(keys.values())
        cache.keep_connections(
            key,
            {
                question: {each: names for each, names in found.items() if each in contents}
                for question, found in known.items()
            },
        )
    marked = {each for found in known.values() for each, names in found.items() if connection.MARK in names}
    chosen = [
        file
        for file in files
        if (top := file.module.partition(".")[0]) in inside or len(groups[top]) == 1 or keys[file.path] in marked
    ]
    saved = sum(sizes[file.path] for file in files) - sum(sizes[file.path] for file in chosen)
    return chosen if saved >= connection.WORTH else list(files)


def names(settings: Settings, find_type: Callable[[str], ContractType | None]) -> list[list[str]] | None:
    """What each of the contracts names; None if one of them looks at everything."""
    found = []
    for contract in settings.contracts:
        if contract.terms.type == GUARD:
            continue
        kind = find_type(contract.terms.type)
        if kind is None or kind.looks_at_everything(contract.options):
            return None
        found.append(sorted(set(connection.symbols_of(contract.options))))
    return found


def concerning(findings: Iterable[Finding], chosen: Iterable[SourceFile], read: Iterable[SourceFile]) -> list[Finding]:
    """The findings that have to do with the chosen files: in one of them, or with a chain that leads into one.

    A receiver nothing is known about, or a class that happens to have the same methods, is nobody's business in a file
    that shares no code with what the contracts name. One that can be traced there in spite of that is, and what
    weakens the contracts themselves.
    """
    inside = {file.path for file in chosen}
    outside = {file.path for file in read} - inside
    return [
        finding
        for finding in findings
        if finding.type == GUARD
        or finding.place.path not in outside
        or any(step.place is not None and step.place.path in inside for step in finding.chain)
    ]


def _text(path: Path, names: Collection[str]) -> str | None:
    """The text of a file, "" if it holds none of the names (none given: always the text), None if nobody can tell."""
    from governance.extract.decode import decode
    from governance.extract.error import ExtractError

    try:
        source = path.read_bytes()
    except OSError:
        return None
    plain = source.isascii() and b"coding" not in source[:400]
    spelled = any(name.encode() in source for name in (*names, connection.MARK)) if names else True
    if plain and not spelled and connection.ESCAPED.search(source) is None:
        return ""
    try:
        return source.decode() if plain else decode(source)
    except ExtractError:
        return None
