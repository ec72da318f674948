"""Random edits of a real package; what `frozen` says is compared with git: `field_edits.py [FOLDER [SEED]]`.

The package of `field_samples/airflow.toml` is copied into a repository of its own and committed. Two hundred of its
files are changed by one byte, touched, emptied, deleted, renamed, or get a new neighbour; half of these edits are
committed. The contract freezes half of the folders. Printed is whether its findings are exactly what
`git diff --no-renames` names below them, with the number of files it passed.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.field_report import fetched

PACKAGE = "apache-airflow-core==3.3.2"
EDITS = 200


def git(root: Path, *arguments: str) -> str:
    """What git prints; raises CalledProcessError."""
    who = ["-c", "user.name=edits", "-c", "user.email=edits@example.org", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True, text=True).stdout


def edit(path: Path, luck: random.Random) -> str:
    """Do one thing to a file; says which."""
    kind = luck.choice(["byte", "touched", "emptied", "deleted", "renamed", "neighbour"])
    content = path.read_bytes()
    if kind == "byte" and content:
        at = luck.randrange(len(content))
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    elif kind == "touched":
        path.write_bytes(content)
    elif kind == "emptied":
        path.write_bytes(b"")
    elif kind == "deleted":
        path.unlink()
    elif kind == "renamed":
        path.rename(path.with_name(f"moved_{path.name}"))
    elif kind == "neighbour":
        path.with_name(f"new_{path.name}").write_bytes(content)
    return kind


def main(folder: Path, seed: int) -> int:
    """Edit, ask both, compare."""
    luck = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        root = Path(place)
        shutil.copytree(fetched(PACKAGE, folder), root, dirs_exist_ok=True)
        git(root, "init", "--quiet")
        git(root, "add", "--all", "--force")
        git(root, "commit", "--quiet", "-m", "as it was released")
        git(root, "tag", "base")
        folders = sorted(each.relative_to(root).as_posix() for each in (root / "airflow").iterdir() if each.is_dir())
        frozen = luck.sample(folders, len(folders) // 2)
        files = luck.sample([each for name in folders for each in (root / name).rglob("*") if each.is_file()], EDITS)
        kinds = Counter(edit(path, luck) for path in files[: EDITS // 2])
        git(root, "add", "--all", "--force")
        git(root, "commit", "--quiet", "-m", "half of the edits")
        kinds += Counter(edit(path, luck) for path in files[EDITS // 2 :])
        config = root / "governance.toml"
        globs = json.dumps([f"{name}/**" for name in frozen])
        config.write_text(f'[contracts.c]\ntype = "frozen"\nbase = "base"\nbecause = "sample"\npaths = {globs}\n')
        command = [sys.executable, "-m", "governance", "check", "--no-cache", "--format", "json", "--root", str(root)]
        report = json.loads(subprocess.run(command, cwd=root, check=False, capture_output=True, text=True).stdout)
        said = {(each["path"], each["check"]) for each in report["findings"]}
        git(root, "add", "--all", "--force")
        words = {"M": "changed", "D": "missing", "A": "added"}
        lines = git(root, "diff", "--cached", "--no-renames", "--name-status", "base").splitlines()
        differing = {(path, words[letter]) for letter, path in (line.split("\t") for line in lines)}
        expected = {(path, word) for path, word in differing if path.startswith(tuple(f"{name}/" for name in frozen))}
        below = sum(1 for name in frozen for each in (root / name).rglob("*") if each.is_file())
        print(f"edits: {dict(kinds)}")
        print(f"{len(said)} findings, {len(expected)} differences, {below} files below {len(frozen)} frozen folders")
        print(f"said without reason: {sorted(said - expected)}; missed: {sorted(expected - said)}")
    return int(said != expected)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "governance-field")
    parser.add_argument("seed", nargs="?", type=int, default=1)
    sys.exit(main(**vars(parser.parse_args())))
