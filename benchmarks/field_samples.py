"""Broad contracts on real packages, to be read by hand: `field_samples.py [FOLDER [PACKAGE[.TYPE] …]]`.

Every `field_samples/PACKAGE.toml` holds contracts that are meant to be broken often. The package named in its first
line is fetched, unpacked and indexed, and asked for one contract type after the other. In place of the names of
functions `"each GLOB:NAME"` stands for every one of that name in those files, `"each GLOB:NAME with TEXT"` for those
that hold the text. Printed are CPU seconds, peak memory, the number of findings by check and grade, a random sample of
the findings that fail, each with its chain, and one of places that were passed: lines that
`field_samples/candidates.toml` picks out by a regular expression that knows nothing of the engine, or, where it has
none, the places the contract says it holds on to, which have no finding.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.field_report import fetched
from governance.cache import Cache
from governance.config import read
from governance.contract import Report
from governance.contract_types import load
from governance.engine import build_index, choose, names, take_inventory, without_garbage_collection
from governance.findings import Grade
from governance.globs import matcher
from governance.places import Places
from governance.settings import Contract, Settings
from governance.sources import read_sources

CONTRACTS: Final = Path(__file__).parent / "field_samples"
CANDIDATES: Final = CONTRACTS / "candidates.toml"
EACH: Final = re.compile(r'"each ([^":]+):([^":]+?)(?: with ([^"]+))?"')


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """A line to be read. text: what is said of it; chain: how that is known."""

    path: str
    line: int
    contract: str
    text: str
    chain: tuple[str, ...] = ()


def expanded(content: str, root: Path) -> str:
    """The configuration with every function in place of `"each GLOB:NAME"`, or `"each GLOB:NAME with TEXT"` in it."""
    paths = [path.relative_to(root).as_posix() for path in sorted(root.rglob("*.py"))] if EACH.search(content) else []

    def symbols(match: re.Match[str]) -> str:
        inside, name, text = matcher((match[1],)), match[2], (match[3] or "").replace("'", '"')
        return ", ".join(
            json.dumps(symbol)
            for path in filter(inside, paths)
            for symbol, source in functions(path, (root / path).read_text(encoding="utf-8"))
            if fnmatch.fnmatchcase(symbol.partition(":")[2], name) and text in source
        )

    return EACH.sub(symbols, content)


def functions(path: str, source: str) -> Iterator[tuple[str, str]]:
    """The symbol and the text of every function and method outside functions."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    lines = source.splitlines()
    waiting: list[tuple[str, ast.AST]] = [("", ast.parse(source))]
    while waiting:
        outer, node = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                waiting.append((f"{outer}{child.name}.", child))
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}:{outer}{child.name}", "\n".join(lines[child.lineno - 1 : child.end_lineno])
            elif not isinstance(child, ast.expr):
                waiting.append((outer, child))


def indexed(settings: Settings, root: Path, cache: Cache) -> Places:
    """The index over everything that the contracts can be about."""
    inventory = take_inventory(root, settings.files, cache)
    sources = read_sources(root, choose(root, names(settings, load), inventory, cache), inventory.keys, cache)
    cache.close(root)
    print(f"read {len(sources.modules)} files, {sources.lines} lines", *(each.message for each in sources.problems[:3]))
    return Places(root, build_index(sources, inventory.everything), inventory.keys, cache)


def asked(places: Places, contracts: list[Contract]) -> dict[str, Report]:
    """What each of the contracts says."""
    reports: dict[str, Report] = {}
    for contract in contracts:
        kind = load(contract.terms.type)
        assert kind is not None
        started = time.process_time()
        reports[contract.id] = kind.check(places.index, contract.options)
        for broken in reports[contract.id].broken:
            print(f"ANCHOR {contract.id}: {broken.option} = {broken.symbol}: {broken.message} {broken.suggestion}")
        seconds = time.process_time() - started
        print(f"{contract.id}: {seconds:.1f} CPU s, {reports[contract.id].sites} sites", flush=True)
    if places.index.solver.exhausted:
        print("EXHAUSTED: the analysis stopped before its end")
    return reports


def found(places: Places, reports: dict[str, Report], least: Grade) -> list[Site]:
    """The findings of this grade or better."""
    violations = [(name, each) for name, report in reports.items() for each in report.violations if each.grade >= least]
    steps = [step.ref for _, each in violations for step in each.chain if step.ref]
    places.resolve([*(each.ref for _, each in violations if each.ref), *steps])
    sites = []
    for name, each in violations:
        place = places.of(each.ref, each.name) if each.ref else None
        path, line = (place.path, place.span.line) if place else (each.path, each.line)
        at = [places.of(step.ref) if step.ref else None for step in each.chain]
        chain = [
            f"{step.text} ({spot.path}:{spot.span.line})" if spot else step.text
            for step, spot in zip(each.chain, at, strict=True)
        ]
        sites.append(Site(path, line, name, f"[{Grade(each.grade).label}] {each.check}: {each.message}", tuple(chain)))
    return sites


def candidates(root: Path, paths: list[str], contract: str, pattern: str, files: str) -> Iterator[Site]:
    """The lines that match, in files that the glob names."""
    inside, wanted = matcher((files,)), re.compile(pattern)
    for path in filter(inside, paths):
        for number, line in enumerate((root / path).read_text(encoding="utf-8", errors="replace").split("\n"), 1):
            if wanted.search(line) and not line.lstrip().startswith("#"):
                yield Site(path, number, contract, "no finding")


def passed(
    package: str, root: Path, places: Places, reports: dict[str, Report], taken: set[tuple[str, int]]
) -> list[Site]:
    """Places that were looked at, or ought to have been, and have no finding of any grade."""
    picked = tomllib.loads(CANDIDATES.read_text(encoding="utf-8")).get(package, {})
    paths = sorted(module.path for module in places.index.project.modules.values())
    sites: list[Site] = []
    for name, report in reports.items():
        if name in picked:
            sites += candidates(root, paths, name, picked[name]["pattern"], picked[name].get("files", "**"))
            continue
        places.resolve(binding.ref for binding in report.bindings if binding.ref)
        for binding in report.bindings:
            path, line = binding.path, 0
            if binding.ref:
                place = places.of(binding.ref)
                path, line = place.path, place.span.line
            sites.append(Site(path, line, name, f"{binding.role}: {binding.text}"))
    return [site for site in sites if (site.path, site.line) not in taken]


def show(title: str, root: Path, sites: list[Site], number: int, seed: int) -> None:
    """A random sample, with the lines around each."""
    drawn = sorted(random.Random(seed).sample(sites, min(number, len(sites))))
    print(f"\n== {title}: {len(drawn)} of {len(sites)}")
    for count, site in enumerate(drawn, 1):
        print(f"\n{count}. {site.path}:{site.line} {site.contract} {site.text}")
        lines = (root / site.path).read_text(encoding="utf-8", errors="replace").split("\n") if site.line else []
        for near in range(max(site.line - 4, 1), min(site.line + 3, len(lines) + 1)):
            print(f"  {'>' if near == site.line else ' '} {lines[near - 1][:150]}")
        for step in site.chain:
            print(f"    | {step}")


def sample(folder: Path, package: str, kind: str, number: int, seed: int) -> None:
    """Scan one package for the contracts of one type after the other, and print both samples of each."""
    config = CONTRACTS / f"{package}.toml"
    content = config.read_text(encoding="utf-8")
    root = fetched(content.partition("\n")[0].removeprefix("# package: "), folder)
    settings = read(config.name, expanded(content, root).encode(), load)
    contracts = [each for each in settings.contracts if kind in ("", each.terms.type, each.id)]
    with without_garbage_collection():
        places = indexed(replace(settings, contracts=tuple(contracts)), root, Cache(folder / "cache" / package))
        print(f"{package}: {_used()} to read and index", flush=True)
        for name in dict.fromkeys(each.terms.type for each in contracts):
            print(f"\n==== {package} {name}")
            reports = asked(places, [each for each in contracts if each.terms.type == name])
            print(f"{package} {name}: {_used()} so far")
            found_by = (
                (contract, each.check, Grade(each.grade).label)
                for contract, report in reports.items()
                for each in report.violations
            )
            for (contract, check, grade), count in sorted(Counter(found_by).items()):
                print(f"  {contract} {check} {grade}: {count}")
            everything = found(places, reports, Grade.UNRESOLVED)
            failing = [site for site in everything if site.text.startswith(("[definite]", "[probable]"))]
            taken = {(site.path, site.line) for site in everything}
            show("findings", root, failing, number, seed)
            show("passed", root, passed(package, root, places, reports, taken), number, seed)


def _used() -> str:
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
    return f"{seconds:.0f} CPU s, {own.ru_maxrss // 1024} MB"


def main() -> int:
    """Every package, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", default=Path(tempfile.gettempdir()) / "governance-field")
    parser.add_argument("which", nargs="*", help="PACKAGE, PACKAGE.TYPE or PACKAGE.CONTRACT")
    parser.add_argument("--number", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    which = given.which or sorted(path.stem for path in CONTRACTS.glob("*.toml") if path != CANDIDATES)
    if len(which) == 1:
        package, _, kind = which[0].partition(".")
        sample(given.folder, package, kind, given.number, given.seed)
        return 0
    for each in which:
        command = [sys.executable, str(Path(__file__)), str(given.folder), each]
        subprocess.run([*command, "--number", str(given.number), "--seed", str(given.seed)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
