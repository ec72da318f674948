"""What a scan costs: processor seconds and peak memory, as ratios to other tools and to what nobody can do without.

Three corpora of real code with the reference server among it, governed by the execution preset as in this repository.
All figures of a table come from one run, in turns; the medians count. Corpora and peers are fetched into build/ at the
first time (about 60 MB and five environments); a peer that cannot be installed is left out with the reason.

    python3 scripts/dev.py bench scan_cost
    .venv/bin/python benchmarks/scan_cost.py --corpora small --rounds 3
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.scan import peers
from benchmarks.scan.corpora import BUILD, EDITED, ELSEWHERE, PACKAGES, ROOT, Corpus, beside, environment, fetched
from benchmarks.scan.measuring import Cost, cost, in_turns, table

SETTLED = 2.5
"""Seconds: a younger file may change again without its times showing it, so the cache does not rely on them."""
CURVE = (0, 100_000, 300_000, 1_000_000)

BARE = """
import os, sys
def walk(folder):
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                if entry.name != ".git":
                    walk(entry.path)
            elif entry.name.endswith(".py"):
                os.stat(entry.path)
walk(".")
"""
PARSE_ONE = "import libcst; libcst.parse_module(open({path!r}, 'rb').read())"
PARSE_ALL = """
import gc, json, sys
import libcst
gc.disable()
for number, path in enumerate(json.load(open(sys.argv[1]))):
    libcst.parse_module(open(path, "rb").read())
    number % 100 or gc.collect()
"""
READ_ALL = """
import gc, json, sys
sys.path.insert(0, {root!r})
import libcst
from governance.extract import extract
gc.disable()
for number, path in enumerate(json.load(open(sys.argv[1]))):
    extract(open(path, "rb").read())
    number % 100 or gc.collect()
"""
IMPORT_ONLY = "import libcst, json, gc"
MODULES = """
import sys
sys.path.insert(0, {root!r})
from governance.cli import main
main(["check"])
print("libcst" in sys.modules)
"""
PROCESSES = """
import hashlib, json, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from governance.isolation import read_files
paths = [path for path in json.load(open(sys.argv[1]))]
digests = {{read.path: hashlib.sha256(read.entry).hexdigest() for read in read_files(Path("."), paths)}}
print(hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest())
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpora", nargs="+", choices=list(PACKAGES), default=list(PACKAGES))
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each row; the median counts")
    parser.add_argument("--no-peers", action="store_true", help="leave out all peers but ruff")
    parser.add_argument("--no-curve", action="store_true", help="leave out the growing repositories")
    options = parser.parse_args()
    if reason := environment("ruff", peers.RUFF):
        print(f"scan_cost: ruff, which the ratios are about, cannot be installed: {reason}")
        return 1
    for name in options.corpora:
        corpus = fetched(name)
        print(f"\n## {name}: {corpus.files} files, {corpus.lines} lines\n", flush=True)
        print(table(("", "CPU s", "of", "CPU s", "ratio", "goal"), list(ratios(corpus, options.rounds))), flush=True)
        print()
        print(table(("", "CPU s", "wall s", "peak MB"), list(costs(corpus, options.no_peers))), flush=True)
    if not options.no_curve:
        print("\n## The same governed package beside more and more code\n", flush=True)
        print(
            table(
                ("lines beside", "cold CPU s", "cold peak MB", "warm CPU s", "warm peak MB"),
                list(curve(options.rounds)),
            )
        )
    return 0


def ratios(corpus: Corpus, rounds: int) -> Iterator[Sequence[str]]:
    """The rows with goals."""
    python, files = sys.executable, _list(corpus)
    warm_up(corpus)
    cost(peers.ruff(corpus, cold=False), corpus.root)
    change = Changes(corpus)
    done = in_turns(
        rounds,
        {
            "bare": lambda: cost([python, "-c", BARE], corpus.root),
            "start": lambda: cost([python, "-c", "0"], corpus.root),
            "warm": lambda: check(corpus),
            "ruff warm": lambda: cost(peers.ruff(corpus, cold=False), corpus.root),
            "ruff cold": lambda: cost(peers.ruff(corpus, cold=True), corpus.root),
            "cold": lambda: check(corpus, "--no-cache"),
            "one": lambda: cost([python, "-c", PARSE_ONE.format(path=EDITED)], corpus.root),
        },
    )
    done |= in_turns(
        rounds,
        {
            "inside": lambda: change.then_check(EDITED),
            "elsewhere": lambda: change.then_check(ELSEWHERE[corpus.name]),
        },
    )
    done |= in_turns(
        max(1, rounds // 2),
        {
            "import": lambda: cost([python, "-c", IMPORT_ONLY], corpus.root),
            "parse": lambda: cost([python, "-c", PARSE_ALL, files], corpus.root),
            "extract": lambda: cost([python, "-c", READ_ALL.format(root=str(ROOT)), files], corpus.root),
        },
    )
    cpu = {name: each.cpu for name, each in done.items()}
    changed = cpu["warm"] + 1.3 * (cpu["one"] - cpu["start"])
    parse = cpu["parse"] - cpu["import"]
    yield _row("nothing changed", cpu["warm"], "a bare walk-and-stat", cpu["bare"], 1.5)
    yield _row("nothing changed", cpu["warm"], "ruff, nothing changed", cpu["ruff warm"], 1.0)
    yield _row(
        "a governed file changed", cpu["inside"], "nothing changed + 1.3 x (import libcst, parse it)", changed, 1.0
    )
    yield _row("a file elsewhere changed", cpu["elsewhere"], "the same", changed, 1.0)
    yield _row("cold", cpu["cold"], "ruff cold, E9", cpu["ruff cold"], 1.0)
    yield _row("libcst stage", cpu["extract"] - cpu["import"], "parse_module of the same files", parse, 1.3)


def costs(corpus: Corpus, alone: bool) -> Iterator[Sequence[str]]:
    """The rows without a ratio, and the peers."""
    warm_up(corpus)
    warm = check(corpus)
    modules = cost([sys.executable, "-c", MODULES.format(root=str(ROOT))], corpus.root)
    imported = modules.out.splitlines()[-1].decode()
    yield _cost(f"nothing changed (goal: 60 MB; libcst imported: {imported})", warm)
    yield _cost("cold", check(corpus, "--no-cache"))
    program = PROCESSES.format(root=str(ROOT))
    said = {}
    for cores in (1, 2):
        read = cost([sys.executable, "-c", program, _list(corpus)], corpus.root, cores=cores)
        said[cores] = read.out
        yield _cost(f"about 500 files read by {('one process', 'two processes')[cores - 1]}", read)
    yield (f"  the same, byte for byte: {said[1] == said[2] and len(said[1]) > 32}", "", "", "")
    yield _cost(f"{peers.RUFF}, syntax errors, cold", cost(peers.ruff(corpus, cold=True), corpus.root))
    for peer in () if alone else peers.PEERS:
        if list(PACKAGES).index(corpus.name) > list(PACKAGES).index(peer.largest):
            yield (f"{peer.requirement}: left out, a smaller corpus shows it", "", "", "")
        elif reason := peer.install():
            yield (f"{peer.requirement}: left out: {reason}", "", "", "")
        else:
            paths = {"PYTHONPATH": f"{corpus.root}:{BUILD / 'rules'}"}
            done = cost(peer.command(corpus), corpus.root, environment=paths)
            failed = "" if done.code in peer.codes else f" (failed: code {done.code})"
            yield _cost(f"{peer.requirement}, {peer.says}{failed}", done)


def curve(rounds: int) -> Iterator[Sequence[str]]:
    """What the same governed package costs inside growing repositories."""
    large = fetched("large")
    for lines in CURVE:
        corpus = beside(large, lines)
        warm_up(corpus)
        measures: dict[str, Callable[[], Cost]] = {
            "cold": lambda corpus=corpus: check(corpus, "--no-cache"),  # type: ignore[misc]
            "warm": lambda corpus=corpus: check(corpus),  # type: ignore[misc]
        }
        done = in_turns(max(1, rounds // 2), measures)
        cold, warm = done["cold"], done["warm"]
        if warm.cpu > cold.cpu / 4:
            raise SystemExit(
                "scan_cost: what should be unchanged was not; was the scanner changed while it was measured?"
            )
        yield (f"{lines:,}", f"{cold.cpu:.2f}", _mb(cold), f"{warm.cpu:.3f}", _mb(warm))


def check(corpus: Corpus, *words: str) -> Cost:
    """`governance check` in a corpus. Raises SystemExit when it did not come to an answer."""
    done = cost([Path(sys.executable).with_name("governance"), "check", *words], corpus.root)
    if done.code not in (0, 1, 3):
        raise SystemExit(f"scan_cost: governance ended with {done.code} on {corpus.name}")
    return done


def warm_up(corpus: Corpus) -> None:
    """Leave a cache that the next scan can rely on."""
    shutil.rmtree(corpus.root / ".governance_cache", ignore_errors=True)
    for _ in range(2):
        check(corpus)
        time.sleep(SETTLED)
    check(corpus)


class Changes:
    """Edits of single files, each another one, undone after the scan."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.count = corpus, 0

    def then_check(self, path: str) -> Cost:
        """Add a function to a file and scan; the file is as it was afterwards, and the cache knows it."""
        self.count += 1
        file = self.corpus.root / path
        before = file.read_bytes()
        file.write_bytes(before + f"\n\ndef edited_{self.count}(value):\n    return value.name\n".encode())
        try:
            return check(self.corpus)
        finally:
            file.write_bytes(before)
            check(self.corpus)


def _list(corpus: Corpus) -> Path:
    """A file with the paths of about 500 files, evenly from the whole corpus: more would take minutes."""
    sources = [path.relative_to(corpus.root).as_posix() for path in corpus.sources()]
    step = max(1, len(sources) // 500)
    target = BUILD / f"{corpus.name}.json"
    target.write_text(json.dumps(sources[::step]), encoding="utf-8")
    return target


def _row(name: str, ours: float, of: str, theirs: float, goal: float) -> Sequence[str]:
    return (name, f"{ours:.3f}", of, f"{theirs:.3f}", f"{ours / theirs:.2f}", f"{goal:.1f}")


def _cost(name: str, done: Cost) -> Sequence[str]:
    return (name, f"{done.cpu:.2f}", f"{done.wall:.2f}", _mb(done))


def _mb(done: Cost) -> str:
    return f"{done.peak / 1e6:.0f}"


if __name__ == "__main__":
    sys.exit(main())
