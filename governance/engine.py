"""Engine: the scan as one list of steps. Settings in, a result out; nothing is printed here."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from governance import cache as caching
from governance import suppressions
from governance.cache import Cache
from governance.contract_types import ContractType
from governance.contract_types import load as load_type
from governance.discovery import Listing, SourceFile, discover
from governance.evaluation import Evaluation, evaluate
from governance.facts import ModuleFacts
from governance.findings import Finding, Grade, Problem
from governance.result import Outcome, ScanResult
from governance.settings import Settings
from governance.suppressions import Suppression

if TYPE_CHECKING:
    from governance.index import Index

NOT_KEPT: Final = frozenset({"crash", "unreadable", "changed", "missing-path"})
"""Problems that may be gone at the next run though no file has changed: such a result is not cached."""

FindType = Callable[[str], ContractType | None]


@dataclass(slots=True)
class Sources:
    """What was read: the analysable modules with their comments, and the size of it all."""

    modules: list[tuple[SourceFile, ModuleFacts]] = field(default_factory=list)
    comments: dict[str, list[Suppression]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    lines: int = 0


def scan(root: Path, settings: Settings, cache: Cache, find_type: FindType = load_type) -> ScanResult:
    """The whole scan: discover, read, index, evaluate, suppress. Raises nothing that a project could cause."""
    listing = discover(root, settings.files)
    if listing.note or not caching.usable(root, listing.tracked, cache.folder):
        cache.refuse(listing.note or f"{cache.folder} is not used: the repository itself contains it")
    keys, unread = content_keys(root, listing.files, settings.files.max_file_kilobytes, cache)
    run_key = caching.digest(caching.tool_version(), settings.digest.encode(), _listing_text(listing, keys))
    known = cache.result(run_key)
    if known is not None:
        return ScanResult.from_json(known)
    with without_garbage_collection():
        sources = read_sources(root, [file for file in listing.files if file.path in keys], keys, cache)
        index = build_index(sources)
        evaluation = evaluate(root, index, settings, find_type)
    result = combine(settings, listing, sources, evaluation, unread)
    if not any(problem.kind in NOT_KEPT for problem in result.problems):
        cache.keep_result(run_key, result.to_json())
    cache.close(root)
    return result


def content_keys(root: Path, files: list[SourceFile], limit: int, cache: Cache) -> tuple[dict[str, str], list[Problem]]:
    """The content key of every file that can be analysed, by path; the others as problems."""
    keys: dict[str, str] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            size = (root / file.path).stat().st_size
            if size > limit * 1024:
                message = f"is {size // 1024} kilobytes long, more than max-file-kilobytes = {limit}"
                problems.append(Problem("too-large", message, file.path, hint="raise the limit, or exclude the file"))
            else:
                keys[file.path] = cache.content_key(root, file.path)
        except OSError as error:
            problems.append(Problem("unreadable", f"cannot be read: {error.strerror}", file.path))
    return keys, problems


def read_sources(root: Path, files: list[SourceFile], keys: dict[str, str], cache: Cache) -> Sources:
    """Facts and comments of every file, from the cache where its content is known."""
    sources = Sources()
    for file in files:
        entry = cache.facts(keys[file.path])
        facts = restored(entry) if entry is not None else None
        if entry is None or (facts is None and entry.get("error") is None):
            entry = read_file(root, file.path, cache, sources.problems)
            facts = restored(entry) if entry is not None else None
        if entry is None:
            continue
        sources.lines += entry["lines"]
        if facts is not None:
            sources.modules.append((file, facts))
        if entry["error"] is not None:
            kind, message, line = entry["error"]
            sources.problems.append(Problem(kind, message, file.path, line))
        if entry["suppressions"]:
            sources.comments[file.path] = [Suppression(*each) for each in entry["suppressions"]]
    return sources


def restored(entry: dict[str, Any]) -> ModuleFacts | None:
    """The facts of an entry; None if it has none or they are damaged."""
    try:
        return ModuleFacts.from_json(entry["facts"]) if entry["facts"] is not None else None
    except (KeyError, TypeError, ValueError):
        return None


def read_file(root: Path, path: str, cache: Cache, problems: list[Problem]) -> dict[str, Any] | None:
    """Read and analyse one file; None after a problem that says why it could not be done."""
    from governance.reading import read

    try:
        source = (root / path).read_bytes()
        entry = read(source)
    except OSError as error:
        problems.append(Problem("unreadable", f"cannot be read: {error.strerror}", path))
        return None
    except Exception as error:  # noqa: BLE001  # whatever it is, it is reported by name and the rest goes on
        problems.append(Problem("crash", f"the extractor failed: {type(error).__name__}: {error}", path))
        return None
    cache.keep_facts(caching.content_key(source), entry)
    return entry


def build_index(sources: Sources) -> Index:
    """The index over everything that was read."""
    from governance.index import Index, Module

    return Index(Module(file.module, file.path, facts, file.is_package) for file, facts in sources.modules)


def combine(
    settings: Settings, listing: Listing, sources: Sources, evaluation: Evaluation, unread: list[Problem]
) -> ScanResult:
    """Suppress, count and order: the result as it is reported."""
    known = frozenset(contract.id for contract in settings.contracts) | settings.disabled.keys()
    crashed = frozenset(outcome.id for outcome in evaluation.outcomes if outcome.state == "crashed")
    applied = suppressions.apply(evaluation.findings, sources.comments, known, crashed | settings.disabled.keys())
    findings = tuple(sorted(dict.fromkeys(applied.findings), key=lambda finding: finding.sort_key))
    outcomes = tuple(_settled(outcome, findings, applied.taken) for outcome in evaluation.outcomes)
    problems = [*listing.problems, *unread, *sources.problems, *evaluation.problems]
    for outcome in outcomes:
        if outcome.state == "vacuous":
            message = "examined nothing: no place in this project is one that the contract speaks about"
            hint = "see what it binds to with: governance contracts --bindings"
            problems.append(Problem("vacuous", message, contract=outcome.id, hint=hint))
    return ScanResult(
        findings,
        tuple(sorted(problems, key=lambda problem: (problem.path, problem.line, problem.kind, problem.message))),
        outcomes,
        len(listing.files),
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


def _listing_text(listing: Listing, keys: dict[str, str]) -> bytes:
    lines = [f"{file.path}\0{file.module}\0{file.is_package}\0{keys.get(file.path)}" for file in listing.files]
    lines += [repr(problem) for problem in listing.problems]
    return "\n".join(lines).encode("utf-8", "surrogateescape")


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
