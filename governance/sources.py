"""Sources: what was read of every file, from the cache where its content is known, by child processes elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from governance.cache import Cache
from governance.discovery import SourceFile
from governance.facts import ModuleFacts
from governance.findings import Problem
from governance.suppressions import Suppression


@dataclass(slots=True)
class Sources:
    """The analysable modules with their comments by path, what could not be read, and the size of it all."""

    modules: list[tuple[SourceFile, ModuleFacts]] = field(default_factory=list)
    comments: dict[str, list[Suppression]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lines: int = 0


def read_sources(root: Path, files: Sequence[SourceFile], keys: Mapping[str, str], cache: Cache) -> Sources:
    """Facts and comments of every file; `keys` says which content each has. Raises ChildFailed."""
    sources = Sources()
    entries = {file.path: _entry(cache.facts(keys[file.path])) for file in files}
    missing = [path for path, entry in entries.items() if entry is None]
    if missing:
        _read_missing(root, missing, keys, cache, entries, sources.problems)
    for file in files:
        entry = entries[file.path]
        if entry is not None:
            _add(sources, file, entry)
    return sources


def _read_missing(
    root: Path,
    paths: Sequence[str],
    keys: Mapping[str, str],
    cache: Cache,
    entries: dict[str, dict[str, Any] | None],
    problems: list[Problem],
) -> None:
    from governance.isolation import read_files

    for read in read_files(root, paths):
        if read.kind:
            problems.append(Problem(read.kind, read.message, read.path))
            continue
        cache.keep_facts(read.key, read.entry)
        entries[read.path] = _entry(json.loads(read.entry))
        if read.key != keys[read.path]:
            cache.forget(read.path)
            problems.append(Problem("changed", "changed while it was being analysed; scan again", read.path))


def _entry(entry: dict[str, Any] | None) -> dict[str, Any] | None:
    """The entry with its facts rebuilt; None if it is absent or damaged."""
    if entry is None:
        return None
    try:
        facts = ModuleFacts.from_json(entry["facts"]) if entry["facts"] is not None else None
    except (KeyError, TypeError, ValueError):
        return None
    return {**entry, "facts": facts}


def _add(sources: Sources, file: SourceFile, entry: dict[str, Any]) -> None:
    sources.lines += entry["lines"]
    if entry["facts"] is not None:
        sources.modules.append((file, entry["facts"]))
    if entry["error"] is not None:
        kind, message, line = entry["error"]
        sources.problems.append(Problem(kind, message, file.path, line))
    if entry["suppressions"]:
        sources.comments[file.path] = [Suppression(*each) for each in entry["suppressions"]]
