"""Engine: the scan as one list of steps. Settings in, a result out; nothing is printed here."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from governance import cache as caching
from governance import config_file, standing
from governance.cache import Cache
from governance.digest import digest
from governance.findings import Finding, Grade, Problem
from governance.result import Outcome, ScanResult

if TYPE_CHECKING:  # what a scan that finds everything as it was does not need is imported where it is
    from governance.config import FindType
    from governance.discovery import Listing, SourceFile
    from governance.evaluation import Evaluation
    from governance.files import Files
    from governance.index import Index
    from governance.observed import ObservedFiles
    from governance.settings import FileSettings, Settings
    from governance.sources import Sources

NESTING: Final = 4_000
"""How deep Python functions may call each other while contracts are asked. The contracts on this repository go three to
four hundred deep; code that is nested deeper should not end as a crash at Python's default of a thousand."""

NOT_KEPT: Final = frozenset(
    {"crash", "unreadable", "changed", "missing-path", "too-slow", "too-much-memory", "parser-died"}
)
"""Problems that may be gone at the next run though no file has changed: such a result is not cached."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What there is to analyse: the files, the content key of each by path, and those that cannot be read; everything:
    the project's files of any kind, for contracts that look at them."""

    files: FileSettings
    listing: Listing
    keys: dict[str, str]
    unread: list[Problem]
    everything: ObservedFiles

    @property
    def digest(self) -> str:
        """Identifies paths, module names and contents of everything."""
        return self.digest_of(self.listing.files)

    def digest_of(self, files: Iterable[SourceFile]) -> str:
        """The same for some of the files, and what is wrong with any."""
        lines = [f"{file.path}\0{file.module}\0{self.keys.get(file.path)}" for file in files]
        lines += map(repr, (*self.listing.problems, *self.unread))
        return digest("\n".join(lines).encode("utf-8", "surrogateescape"))

    def counted(self, result: ScanResult, read: Sequence[SourceFile]) -> ScanResult:
        """A result with the number of files there are, and of those that were left out."""
        return replace(result, files=len(self.listing.files), left_out=len(self.readable) - len(read))

    @property
    def readable(self) -> list[SourceFile]:
        """The files that can be analysed."""
        return [file for file in self.listing.files if file.path in self.keys]


def scan(
    root: Path, config: Path, cache: Cache, find_type: FindType | None = None, *, select: bool = True, base: str = ""
) -> ScanResult:
    """The whole scan: configure, discover, select, read, index, evaluate, suppress.

    Not to select is to read every file, whether or not it can have to do with a contract; the findings are the same.
    base: the revision of git that the configuration is compared with.

    When nothing has changed since the last scan, or nothing among the files that are selected, its result is the
    answer: neither the configuration nor any source file is parsed then. Raises InvalidConfig; nothing that the files
    of the project could cause.
    """
    started = time.time_ns()
    with without_garbage_collection():
        content = config_file.load(config)
        where = Path(os.path.relpath(config, root)).as_posix()
        words = f"{where}\0{base}".encode("utf-8", "surrogateescape")
        key = digest(caching.tool_version(), words, content, b"" if select else b"everything")
        last = None if find_type else cache.result(key)
        if last and standing.holds(cache, root, f"{key}-{last['inventory']}"):
            return ScanResult.from_json(last["result"])

        def take(files: FileSettings) -> Inventory:
            return take_inventory(root, files, cache, "" if where.startswith("../") else where, base)

        inventory = take(file_settings(last["files"])) if last else None
        if last and inventory and cache.folder and rests(last, inventory):
            if inventory.digest == last["inventory"]:
                let_stand(root, f"{key}-{last['inventory']}", started, last, inventory, cache)
                return ScanResult.from_json(last["result"])
            read = choose(root, last["names"], inventory, cache) if select else inventory.readable
            if inventory.digest_of(read) == last["read"]:
                result = inventory.counted(ScanResult.from_json(last["result"]), read)
                cache.keep_result(key, {**last, "inventory": inventory.digest, "result": result.to_json()})
                cache.close(root)
                return result
        settings = read_settings(config, content, find_type)
        if inventory is None or inventory.files != settings.files:
            inventory = take(settings.files)
        if base:
            settings = guarded(settings, find_type)
        named = names(settings, find_type)
        chosen = choose(root, named, inventory, cache)
        read = chosen if select else inventory.readable
        result = inventory.counted(analyse(root, settings, inventory, chosen, read, cache, find_type), read)
        if not find_type and not any(problem.kind in NOT_KEPT for problem in result.problems):
            cache.keep_result(
                key, {**memory(settings, inventory, result), "names": named, "read": inventory.digest_of(read)}
            )
        cache.close(root)
        return result


def file_settings(data: dict[str, Any]) -> FileSettings:
    """The settings that `memory` kept."""
    from governance.settings import FileSettings

    return FileSettings.from_json(data)


def memory(settings: Settings, inventory: Inventory, result: ScanResult) -> dict[str, Any]:
    """What the next scan needs to know that this result still holds."""
    return {
        "files": settings.files.to_json(),
        "inventory": inventory.digest,
        "foreign": foreign(settings.foreign),
        "observed": inventory.everything.observations(),
        "result": result.to_json(),
    }


def let_stand(root: Path, key: str, started: int, last: dict[str, Any], inventory: Inventory, cache: Cache) -> None:
    """Give this result again without looking at anything but times, if it rests on nothing else."""
    observed = last["observed"]
    if not observed["names"] and not observed["bases"]:
        more = (*observed["contents"], *last["foreign"])
        standing.record(cache, root, key, started, inventory.files, inventory.listing, more)


def rests(last: dict[str, Any], inventory: Inventory) -> bool:
    """Whether all that the last result rests on besides Python files of the project is as it was."""
    return foreign(last["foreign"]) == last["foreign"] and inventory.everything.still_hold(last["observed"])


def read_settings(config: Path, content: bytes, find_type: FindType | None = None) -> Settings:
    """The settings, checked. Raises InvalidConfig."""
    from governance.config import read
    from governance.contract_types import load

    return read(config.name, content, find_type or load)


def guarded(settings: Settings, find_type: FindType | None = None) -> Settings:
    """The settings with a contract that guards them, whatever they say themselves."""
    from governance import config
    from governance.contract_types import load

    return config.guarded(settings, find_type or load)


def take_inventory(root: Path, files: FileSettings, cache: Cache, config: str = "", base: str = "") -> Inventory:
    """List the files and their contents. A cache that is not our own is refused here. config, base: the path of the
    configuration in the project, and the revision it is compared with, if there is one."""
    from governance.discovery import discover
    from governance.observed import ObservedFiles

    listing = discover(root, files)
    if listing.note or not caching.usable(root, listing.tracked, cache.folder):
        cache.refuse(listing.note or f"{cache.folder} is not used: the repository itself contains it")
    keys, unread = content_keys(root, listing, files.max_file_kilobytes, cache)
    return Inventory(files, listing, keys, unread, ObservedFiles(root, listing.everything, config, base))


def names(settings: Settings, find_type: FindType | None) -> list[list[str]] | None:
    """What each of the contracts names; None if one of them looks at everything."""
    from governance import selection
    from governance.contract_types import load

    return selection.names(settings, find_type or load)


def choose(root: Path, named: list[list[str]] | None, inventory: Inventory, cache: Cache) -> list[SourceFile]:
    """The files that contracts can be about."""
    from governance.selection import select

    sizes = {path: status.st_size for path, status in inventory.listing.status.items()}
    return select(root, inventory.readable, sizes, inventory.keys, named, cache)


def analyse(
    root: Path,
    settings: Settings,
    inventory: Inventory,
    chosen: Sequence[SourceFile],
    read: Sequence[SourceFile],
    cache: Cache,
    find_type: FindType | None = None,
) -> ScanResult:
    """Read, index, evaluate, suppress. chosen: the files contracts can be about; read: those to look at."""
    from governance.contract_types import load
    from governance.evaluation import evaluate
    from governance.places import Places
    from governance.selection import concerning
    from governance.sources import read_sources

    sources = read_sources(root, read, inventory.keys, cache)
    index = build_index(sources, inventory.everything)
    evaluation = evaluate(Places(root, index, inventory.keys, cache), settings, find_type or load)
    if len(chosen) < len(read):
        evaluation.findings = concerning(evaluation.findings, chosen, read)
    return combine(settings, inventory, sources, evaluation)


def foreign(paths: Iterable[str]) -> dict[str, str]:
    """The content keys of the files from which contract types of others were loaded."""
    return {path: digest(Path(path).read_bytes()) if Path(path).exists() else "" for path in paths}


def content_keys(root: Path, listing: Listing, limit: int, cache: Cache) -> tuple[dict[str, str], list[Problem]]:
    """The content key of every file that can be analysed, by path; the others as problems."""
    keys: dict[str, str] = {}
    problems: list[Problem] = []
    for path, status in listing.status.items():
        if status.st_size > limit * 1024:
            message = f"is {status.st_size // 1024} kilobytes long, more than max-file-kilobytes = {limit}"
            problems.append(Problem("too-large", message, path, hint="raise the limit, or exclude the file"))
            continue
        try:
            keys[path] = cache.content_key(root, path, status)
        except OSError as error:
            problems.append(Problem("unreadable", f"cannot be read: {error.strerror}", path))
    return keys, problems


def build_index(sources: Sources, files: Files) -> Index:
    """The index over everything that was read. What is asked of it nests deeper than Python allows by default."""
    from governance.index import Index, Module

    sys.setrecursionlimit(max(sys.getrecursionlimit(), NESTING))
    modules = (Module(file.module, file.path, facts, file.is_package) for file, facts in sources.modules)
    return Index(modules, files)


def combine(settings: Settings, inventory: Inventory, sources: Sources, evaluation: Evaluation) -> ScanResult:
    """Suppress, count and order: the result as it is reported."""
    from governance import suppressions

    known = frozenset(contract.id for contract in settings.contracts) | settings.disabled.keys()
    crashed = frozenset(outcome.id for outcome in evaluation.outcomes if outcome.state == "crashed")
    applied = suppressions.apply(evaluation.findings, sources.comments, known, crashed | settings.disabled.keys())
    findings = tuple(sorted(dict.fromkeys(applied.findings), key=lambda finding: finding.sort_key))
    outcomes = tuple(_settled(outcome, findings, applied.taken) for outcome in evaluation.outcomes)
    problems = [*inventory.listing.problems, *inventory.unread, *sources.problems, *evaluation.problems]
    for outcome in outcomes:
        if outcome.state == "vacuous":
            message = "examined nothing: no place in this project is one that the contract speaks about"
            hint = "see what it binds to with: governance contracts --bindings"
            problems.append(Problem("vacuous", message, contract=outcome.id, hint=hint))
    return ScanResult(
        findings,
        tuple(
            sorted(
                problems,
                key=lambda problem: (problem.path, problem.line, problem.contract, problem.kind, problem.message),
            )
        ),
        outcomes,
        len(inventory.listing.files),
        sources.lines,
        settings.disabled,
    )


def _settled(outcome: Outcome, findings: tuple[Finding, ...], taken: dict[str, int]) -> Outcome:
    own = [finding for finding in findings if finding.contract == outcome.id]
    state = outcome.state
    if any(finding.fails for finding in own) and state != "crashed":
        state = "broken"
    return replace(
        outcome,
        state=state,
        findings=len(own),
        unresolved=sum(finding.grade is Grade.UNRESOLVED for finding in own),
        suppressed=taken.get(outcome.id, 0),
    )


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Millions of small lists that all stay alive: the collector would look through them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
