"""Git: asking the repository, with the environment that the caller of the tool set up."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def environment() -> dict[str, str]:
    """The inherited environment; what git would read relative to our folder is made independent of git's."""
    inherited = dict(os.environ)
    if "GIT_DIR" in inherited:
        inherited.setdefault("GIT_WORK_TREE", ".")
        for key in ("GIT_DIR", "GIT_WORK_TREE"):
            inherited[key] = str(Path.cwd() / inherited[key])
    return inherited


def ask(folder: Path, environment: dict[str, str], *arguments: str) -> list[str] | None:
    """The entries, separated by NUL, that a git command prints; None if it fails."""
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, check=False)
    except OSError:
        return None
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name] if done.returncode == 0 else None
