"""The commit-msg hook: a message owns up to changed tests, and a skipped test names its approval.

usage: python scripts/check_commit_message.py MESSAGE_FILE

A commit that changes, renames or removes an existing test says TEST-CHANGE in its message; new test files need
nothing. A line that makes a test skip or fail as expected carries `# APPROVED: <reason>` on it or right above it.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

SKIPPING = {"skip", "skipif", "xfail", "importorskip", "skipIf", "skipUnless", "skipTest", "expectedFailure"}
APPROVAL = re.compile(r"#.*\bAPPROVED:\s*\S")
HUNK = re.compile(r"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


def main(message_file: Path) -> int:
    """Print what is missing from the commit about to be made, one line each; 1 when something is."""
    if _git("rev-parse", "--quiet", "--verify", "MERGE_HEAD", check=False):
        return 0  # what is merged was judged when it was committed
    complaints = [*_unannounced(_message(message_file)), *_unapproved()]
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


def _message(file: Path) -> str:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if not line.startswith("#"))


def _unannounced(message: str) -> Iterator[str]:
    changed = [path for status, path in _staged() if status != "A" and _is_test(path)]
    if changed and "TEST-CHANGE" not in message:
        yield f"{', '.join(changed)}: existing tests change; say TEST-CHANGE and why in the commit message"


def _unapproved() -> Iterator[str]:
    for status, path in _staged():
        if status == "D" or not _is_test(path) or not path.endswith(".py"):
            continue
        added = set(_added_lines(path))
        source = _git("show", f":{path}")
        lines = source.splitlines()
        for start, end in _skips(source):
            around = lines[max(start - 2, 0) : end]
            if added.intersection(range(start, end + 1)) and not any(APPROVAL.search(line) for line in around):
                yield f"{path}:{start}: a test is skipped; add `# APPROVED: <reason>` to that line or right above it"


def _staged() -> list[tuple[str, str]]:
    """The status letter and the new path of every staged change; a rename counts as a change of the new path."""
    fields = _git("diff", "--cached", "--name-status", "--no-renames", "-z").split("\0")[:-1]
    return list(zip(fields[::2], fields[1::2], strict=True))


def _is_test(path: str) -> bool:
    parts = PurePosixPath(path)
    return "tests" in parts.parts[:-1] or parts.match("test_*.py")


def _added_lines(path: str) -> Iterator[int]:
    for start, count in HUNK.findall(_git("diff", "--cached", "--unified=0", "--", path)):
        yield from range(int(start), int(start) + int(count or 1))


def _skips(source: str) -> Iterator[tuple[int, int]]:
    """First and last line of each place that names one of the skipping functions; none in a file that cannot parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # the scanner and ruff report such a file
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            skips = node.attr in SKIPPING and _root(node) in {"pytest", "unittest", "self"}
        elif isinstance(node, ast.ImportFrom):
            skips = node.module in {"pytest", "unittest"} and any(alias.name in SKIPPING for alias in node.names)
        else:
            continue
        if skips:
            yield node.lineno, node.end_lineno or node.lineno


def _root(node: ast.expr) -> str | None:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _git(*words: str, check: bool = True) -> str:
    done = subprocess.run(["git", *words], capture_output=True, text=True, errors="replace", check=False)
    if check and done.returncode:
        sys.exit(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
