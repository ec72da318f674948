"""Selection: the files that have to be read at all, by `connection`; what was found out about contents is cached."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from governance import connection
from governance.cache import Cache
from governance.contract_types import ContractType
from governance.discovery import SourceFile
from governance.findings import GUARD
from governance.settings import Settings

_KEY: Final = "connection-1"
"""Raised when what is kept about contents means something else."""


def select(
    root: Path,
    files: Sequence[SourceFile],
    sizes: Mapping[str, int],
    keys: Mapping[str, str],
    settings: Settings,
    cache: Cache,
    find_type: Callable[[str], ContractType | None],
) -> list[SourceFile]:
    """The files that contracts can be about, in their order; all of them if too little could be left out."""
    groups = connection.by_package(files)
    symbols = _symbols(settings, find_type, groups.keys())
    if symbols is None or sum(sizes[file.path] for file in files) < connection.WORTH:
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


def _symbols(
    settings: Settings, find_type: Callable[[str], ContractType | None], tops: Collection[str]
) -> set[str] | None:
    """What the contracts name; None if one of them looks at everything."""
    found: set[str] = set()
    for contract in settings.contracts:
        if contract.terms.type == GUARD:
            continue
        kind = find_type(contract.terms.type)
        symbols = set(connection.symbols_of(contract.options))
        if kind is None or kind.looks_at_everything(contract.options) or not connection.anchored(symbols, tops):
            return None
        found |= symbols
    return found


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
