"""Reading only what contracts can be about finds what reading everything finds: shown on real packages and on cases.

    python3 scripts/dev.py bench selection_proof
    .venv/bin/python benchmarks/selection_proof.py --corpora small middle large
    .venv/bin/python benchmarks/selection_proof.py --cases FOLDER

The corpora are those of `scan_cost`; the large one takes half an hour and four gigabytes. --cases: a folder with a
folder for each case, as `govbench_adapter.py` reads them; each is scanned twice, beside an unconnected copy of itself.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import govbench_adapter
from benchmarks.scan.corpora import PACKAGES, fetched
from governance import connection
from governance.cache import Cache
from governance.engine import scan
from governance.findings import Finding
from governance.result import ScanResult


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpora", nargs="*", choices=list(PACKAGES), default=["small", "middle"])
    parser.add_argument("--cases", type=Path)
    options = parser.parse_args()
    connection.WORTH = 1  # type: ignore[misc]  # leave out whatever can be, however little it is
    if options.cases:
        return cases(options.cases)
    different = 0
    for name in options.corpora:
        root = fetched(name).root
        with tempfile.TemporaryDirectory() as folder:
            some, every = both(root, root / "governance.toml", Path(folder))
        different += told(some) != told(every)
        print(f"{name}: {said(some, every)}", flush=True)
    return 1 if different else 0


def both(root: Path, config: Path, folder: Path) -> tuple[ScanResult, ScanResult]:
    """A scan of the selected files, and one of all."""
    cache = Cache(folder / "cache")
    return scan(root, config, cache), scan(root, config, cache, select=False)


def told(result: ScanResult) -> list[Finding]:
    """The findings. Which existing name is nearest to one that does not exist depends on what was read, so not that."""
    return [replace(each, instead="") if each.check == "anchor" else each for each in result.findings]


def said(some: ScanResult, every: ScanResult) -> str:
    """One line about two scans, and the findings that only one of them has."""
    only = [*(set(told(some)) - set(told(every))), *(set(told(every)) - set(told(some)))]
    lines = [f"    {each.place.path}:{each.place.span.line} {each.contract}: {each.message}" for each in only]
    verdict = "the same findings" if told(some) == told(every) else "DIFFERENT"
    counts = f"{len(some.findings)} and {len(every.findings)}, {some.left_out} of {some.files} files left out"
    return "\n".join([f"{verdict} ({counts})", *lines])


def cases(folder: Path) -> int:
    """Every case below a folder, each with a twin of all its packages that nothing connects with it."""
    found = sorted(path.parent for path in folder.glob("*/govbench.json"))
    different, left_out = [], 0
    for case in found:
        with tempfile.TemporaryDirectory() as place:
            root = Path(place) / "case"
            shutil.copytree(case, root)
            told = json.loads((root / "govbench.json").read_text(encoding="utf-8"))
            for source in told["source_roots"]:
                twin(root / source)
            config = Path(place) / "governance.toml"
            config.write_text(govbench_adapter.configuration(told), encoding="utf-8")
            some, every = both(root, config, Path(place))
        left_out += some.left_out > 0
        if told(some) != told(every):
            different.append(case.name)
            print(f"{case.name}: {said(some, every)}", flush=True)
    print(f"{len(found)} cases, files left out in {left_out}, different findings in {len(different)}")
    return 1 if different or not found else 0


def twin(root: Path) -> None:
    """Put a copy of each package below a source root beside it, under a name that occurs nowhere else."""
    tops = sorted({path.relative_to(root).parts[0] for path in root.glob("*/**/*.py")})
    if not tops:
        return
    words = re.compile(rf"\b({'|'.join(map(re.escape, tops))})\b")
    for top in tops:
        for path in sorted((root / top).rglob("*.py")):
            target = root / f"{top}_twin" / path.relative_to(root / top)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(words.sub(r"\1_twin", path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
