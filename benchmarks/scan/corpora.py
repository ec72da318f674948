"""Corpora: real packages, with the reference server and its contracts put among them, as a git repository each.

The packages are pinned, come from the package index as wheels, are unpacked and never installed or imported.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
BUILD: Final = ROOT / "build" / "scan-cost"
PACKAGES: Final = {
    "small": ["luigi==3.8.1"],
    "middle": ["apache-airflow-core==3.3.2"],
    "large": ["homeassistant==2024.3.3", "django==5.2.19", "sympy==1.14.0"],
}
GOVERNED: Final = "server"
EDITED: Final = "server/app/jobs/job.py"
"""The file that is changed where one is, in the middle of what the contracts are about."""
ELSEWHERE: Final = {"small": "luigi/task.py", "middle": "airflow/models/dag.py", "large": "homeassistant/core.py"}
_IDENTITY: Final = ("-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "core.excludesFile=")


@dataclass(frozen=True)
class Corpus:
    """A folder with Python code; `packages` are the names of the folders in it that are not governed."""

    name: str
    root: Path
    files: int
    lines: int

    @property
    def packages(self) -> list[str]:
        return sorted(path.name for path in self.root.iterdir() if (path / "__init__.py").exists())

    def sources(self) -> list[Path]:
        """All Python files, sorted."""
        return sorted(self.root.rglob("*.py"))


def environment(name: str, *requirements: str) -> str:
    """Make an environment of its own below the build folder; why it cannot be had, empty if it is there."""
    home = BUILD / "peers" / name
    if (home / "complete").exists():
        return ""
    shutil.rmtree(home, ignore_errors=True)
    install = [str(home / "bin" / "python"), "-m", "pip", "-q", "install", *requirements]
    for command in ([sys.executable, "-m", "venv", str(home)], install if requirements else []):
        done = subprocess.run(command, capture_output=True, text=True, check=False) if command else None
        if done and done.returncode != 0:
            return (done.stderr.strip().splitlines() or ["it cannot be installed"])[-1]
    (home / "complete").touch()
    return ""


def fetched(name: str) -> Corpus:
    """The corpus of that name; downloaded and put together at the first time. Raises SystemExit where it cannot be."""
    root = BUILD / "corpora" / name
    if not (root / ".git" / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        for package in PACKAGES[name]:
            with zipfile.ZipFile(_wheel(package)) as archive:
                archive.extractall(root)
        _govern(root)
    return counted(name, root)


def beside(large: Corpus, lines: int) -> Corpus:
    """The governed package beside about so many lines of the large corpus, 0: none."""
    root = BUILD / "corpora" / f"beside-{lines}"
    if not (root / ".git" / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        left = lines
        for path in _spread(large):
            if left <= 0:
                break
            target = root / path.relative_to(large.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            left -= path.read_bytes().count(b"\n")
        _govern(root)
    return counted(f"beside {lines}", root)


def _spread(large: Corpus) -> list[Path]:
    """Files of every package in turn, folder by folder, the governed ones left out."""
    return [path for path in large.sources() if path.relative_to(large.root).parts[0] != GOVERNED]


def counted(name: str, root: Path) -> Corpus:
    """A corpus with its size."""
    files = list(root.rglob("*.py"))
    return Corpus(name, root, len(files), sum(path.read_bytes().count(b"\n") for path in files))


def _wheel(package: str) -> Path:
    wheels = BUILD / "wheels"
    stem = re.sub(r"[-_.]+", "_", package.partition("==")[0])
    if not list(wheels.glob(f"{stem}-*.whl")):
        reason = environment("fetch")
        if reason:
            raise SystemExit(f"scan_cost: no environment to fetch with: {reason}")
        python = BUILD / "peers" / "fetch" / "bin" / "python"
        options = ["-q", "--no-deps", "--only-binary=:all:", "-d", str(wheels)]
        subprocess.run([python, "-m", "pip", "download", *options, package], check=True, stderr=subprocess.DEVNULL)
    return next(wheels.glob(f"{stem}-*.whl"))


def _govern(root: Path) -> None:
    """Our own server and the contracts on it, and all of it committed, as a repository would have them."""
    for path in _tracked(GOVERNED):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, target)
    contracts = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[tool.governance]\n")[2]
    (root / "governance.toml").write_text(contracts.replace("[tool.governance.", "["), encoding="utf-8")
    (root / ".gitignore").write_text(".governance_cache/\n.ruff_cache/\n.import_linter_cache/\n", encoding="utf-8")
    git(root, "init", "-q")
    git(root, "add", "-A", "-f")
    git(root, "commit", "-q", "-m", "corpus")
    (root / ".git" / "complete").touch()


def git(root: Path, *words: str) -> None:
    """Run git in a corpus, whatever repository is around us."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    subprocess.run(["git", *_IDENTITY, *words], cwd=root, env=inherited, check=True, capture_output=True)


def _tracked(folder: str) -> Iterable[str]:
    listed = subprocess.run(["git", "ls-files", "-z", folder], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for path in listed.stdout.split("\0") if path and (ROOT / path).exists()]
