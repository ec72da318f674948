"""Git: asking the repository, with the environment that the caller of the tool set up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Collection, Iterable, Sequence
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
    said = _run(folder, environment, arguments)
    return None if said is None else [name for name in os.fsdecode(said).split("\0") if name]


def contents(folder: Path, environment: dict[str, str], blobs: Iterable[str]) -> list[bytes | None]:
    """What each blob holds, by its id, in order; None for what cannot be had."""
    wanted = list(blobs)
    said = _run(folder, environment, ["cat-file", "--batch"], "".join(f"{blob}\n" for blob in wanted).encode())
    found: list[bytes | None] = []
    rest = said or b""
    for _ in wanted:
        head, _, rest = rest.partition(b"\n")
        words = head.split(b" ")
        if len(words) != 3 or words[1] != b"blob":
            found.append(None)
            continue
        size = int(words[2])
        found.append(rest[:size])
        rest = rest[size + 1 :]
    return found


def ignored(folder: Path, environment: dict[str, str], paths: Iterable[str]) -> frozenset[str] | None:
    """Those of the paths that ignore rules speak of themselves; None if git cannot tell."""
    given = "".join(f"{path}\0" for path in paths).encode("utf-8", "surrogateescape")
    if not given:
        return frozenset()
    # 1 says that none of them is.
    said = _run(folder, environment, ["check-ignore", "-z", "--stdin"], given, answers=(0, 1))
    return None if said is None else frozenset(name for name in os.fsdecode(said).split("\0") if name)


def _run(
    folder: Path,
    environment: dict[str, str],
    arguments: Sequence[str],
    given: bytes = b"",
    answers: Collection[int] = (0,),
) -> bytes | None:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, input=given, capture_output=True, check=False
        )
    except OSError:
        return None
    return done.stdout if done.returncode in answers else None
