"""A second opinion on who calls what: the call graph of a type checker (pyrefly) against that of the scanner.

    .venv/bin/python benchmarks/call_graph_oracle.py ROOT PACKAGE [SYMBOL ...] [--sample N]

Prints every function of PACKAGE that calls a SYMBOL (or an override of it) according to the type checker and does not
reach it according to the scanner, and ends with 1 if there is one. Without symbols, N functions of the package are
taken, evenly spread over those that the type checker knows callers of. A receiver that the scanner calls unresolved is
not known. The calling functions are compared, not the places: the scanner notes a reference where it is taken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from governance.cache import FOLDER, Cache
from governance.engine import build_index, take_inventory, without_garbage_collection
from governance.findings import Grade
from governance.index import Index
from governance.index.callers import Callers
from governance.index.project import ScopeId
from governance.settings import FileSettings
from governance.sources import read_sources

ROOT: Final = Path(__file__).parents[1]
Named = tuple[str, str]
"""(path relative to the root, qualified name; "" for the module)."""


@dataclass(frozen=True)
class Comparison:
    """edges: how many (caller, callee) pairs the type checker knows; missed: those the scanner does not know."""

    edges: int
    missed: list[tuple[Named, Named]]


def compare(root: Path, package: str, symbols: Sequence[str], sample: int) -> Comparison:
    """Both opinions on one package below a root. Raises LookupError for a symbol that names nothing."""
    graph = checked_graph(root, package)
    index = scanned(root, package)
    if symbols:
        wanted = [_resolved(index, symbol) for symbol in symbols]
    else:
        known = sorted(name for name in set(graph).intersection(functions(index)) if not _implicit(name[1]))
        wanted = [functions(index)[name] for name in known[:: max(1, len(known) // sample)][:sample]]
    callers = Callers(index)
    edges, missed = 0, []
    for function in wanted:
        targets = index.overrides(function)
        theirs = {caller for target in targets for caller in graph.get(_name(index, target), ())}
        found = [each for target in targets for each in callers.of(target) if each.grade > Grade.UNRESOLVED]
        ours = {_name(index, each.by) for each in found}
        edges += len(theirs)
        missed += [(caller, _name(index, function)) for caller in sorted(theirs - ours)]
    return Comparison(edges, missed)


def _implicit(qualname: str) -> bool:
    """Whether the language calls it by itself: `__enter__`, `__eq__`."""
    name = qualname.rpartition(".")[2]
    return name.startswith("__") and name.endswith("__") and name not in ("__init__", "__call__")


def _resolved(index: Index, symbol: str) -> ScopeId:
    scope = index.find(symbol)
    if scope is None:
        raise LookupError(f"{symbol} names nothing; did you mean {index.suggest(symbol)}?")
    return scope


def _name(index: Index, scope: ScopeId) -> Named:
    return index.project.modules[scope[0]].path, index.project.qualname(scope)


def functions(index: Index) -> dict[Named, ScopeId]:
    """Every function of the project by its name."""
    return {_name(index, scope): scope for scope in index.project.scopes("function")}


def scanned(root: Path, package: str) -> Index:
    """What the scanner knows of the package; its facts are cached beside this checkout."""
    cache = Cache(ROOT / FOLDER if root == ROOT else None)
    inventory = take_inventory(root, FileSettings(paths=(package,), source_roots=(".",)), cache)
    sources = read_sources(root, inventory.readable, inventory.keys, cache)
    return build_index(sources, inventory.everything)


def checked_graph(root: Path, package: str) -> dict[Named, set[Named]]:
    """Callee -> callers, as the type checker sees it, both inside of the package."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "pyrefly.toml")
        config.write_text(f"search-path = [{json.dumps(str(root))}]\n", encoding="utf-8")
        report = Path(folder, "report")
        words = [
            str(Path(sys.executable).with_name("pyrefly")),
            "check",
            "--config",
            str(config),
            "--output-format",
            "omit-errors",
        ]
        words += ["--report-pysa", str(report), "--report-pysa-format", "json", f"{root / package}/**/*.py"]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        if not (report / "pyrefly.pysa.json").exists():
            raise RuntimeError(f"pyrefly wrote no report: {done.stderr or done.stdout}")
        names: dict[tuple[str, str], Named] = {}
        for path, definitions in _modules(report / "definitions", root):
            for function in definitions["function_definitions"]:
                names[definitions["module_name"], function] = (path, _qualified(definitions, {"Function": function}))
        graph: defaultdict[Named, set[Named]] = defaultdict(set)
        for path, module in _modules(report / "call_graphs", root):
            for caller, sites in module["call_graphs"].items():
                by = names.get((module["module_name"], caller), (path, ""))
                for target in _called(sites):
                    if target in names:
                        graph[names[target]].add(by)
        return dict(graph)


def _modules(folder: Path, root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(folder.glob("*.json")):
        module = json.loads(file.read_bytes())
        path = module["source_path"].get("FileSystem", "")
        if path.startswith(f"{root}/"):
            yield path.removeprefix(f"{root}/"), module


def _called(sites: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(module, function) of everything that is called, or made with `Class(...)`; what is only handed over is not."""
    for site in sites.values():
        call = site.get("Call", {})
        for each in (*call.get("call_targets", ()), *call.get("init_targets", ())):
            for target in each["target"].values():
                yield target["module_name"], target["function_id"]


def _qualified(definitions: dict[str, Any], parent: Any) -> str:
    """`Class.method`, `function.inner`."""
    names: list[str] = []
    while isinstance(parent, dict):
        ((kind, number),) = parent.items()
        if isinstance(number, dict):
            number = f"F:{number['func_def_index']}" if kind == "Function" else str(number["class_id"])
        found = definitions["function_definitions" if kind == "Function" else "class_definitions"][number]
        names.append(found["name"])
        parent = found["parent"]
    return ".".join(reversed(names))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("package")
    parser.add_argument("symbols", nargs="*")
    parser.add_argument("--sample", type=int, default=100)
    arguments = parser.parse_args()
    with without_garbage_collection():
        found = compare(arguments.root.resolve(), arguments.package, arguments.symbols, arguments.sample)
    for caller, callee in found.missed:
        print(f"{caller[0]}:{caller[1] or 'module'} calls {callee[0]}:{callee[1]}")
    print(f"{found.edges} edges, {len(found.missed)} of them unknown to the scanner")
    return 1 if found.missed or not found.edges else 0


if __name__ == "__main__":
    sys.exit(main())
