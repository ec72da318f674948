"""Checks well-known projects: `field_report.py [FOLDER]`; FOLDER keeps what is downloaded.

For every `field/*.toml` the package named in its first line is fetched with pip, unpacked, never installed or imported,
and scanned cold. Printed are the size, the findings by grade, the contracts, and CPU seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def fetched(package: str, folder: Path) -> Path:
    """The folder with the unpacked files of a package; downloaded at the first time."""
    home = folder / package
    if not home.is_dir():
        python = (
            shutil.which("python3", path=f"{sys.base_prefix}/bin") or sys.executable
        )  # with uv there is no pip here
        command = [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--dest",
            str(folder / "wheels"),
            package,
        ]
        subprocess.run(command, check=True)
        name = package.partition("==")[0].replace("-", "_")
        wheel = next((folder / "wheels").glob(f"{name}-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(home)
    return home


def measured(home: Path, config: Path) -> tuple[dict[str, Any], float]:
    """The scan's JSON and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "governance", "check", "--no-cache", "--format", "json"]
    command += ["--config", str(config), "--root", str(home)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HERE.parent)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1, 3):
        raise SystemExit(done.stderr)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), cpu


def main(folder: Path) -> int:
    """Print one row per project, then every finding."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for config in sorted((HERE / "field").glob("*.toml")):
        package = config.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# package: ")
        report, cpu = measured(fetched(package, folder), config)
        rows.append((package, report, cpu))
    for package, report, cpu in rows:
        by_grade = {grade: sum(each["grade"] == grade for each in report["findings"]) for grade in GRADES}
        counts = " ".join(f"{grade}={number}" for grade, number in by_grade.items())
        size = f"{report['files']} files {report['lines']} lines"
        states = ", ".join(f"{each['id']} {each['state']} ({each['sites']} sites)" for each in report["contracts"])
        print(f"{package:32} {size:24} {counts} problems={len(report['problems'])} cpu={cpu:.1f}s  {states}")
    for package, report, _ in rows:
        for each in report["findings"]:
            print(f"{package}: {each['path']}:{each['line']} [{each['grade']}] {each['message']}")
    return 0


GRADES = ("definite", "probable", "possible", "unresolved")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "governance-field")
    sys.exit(main(parser.parse_args().folder))
