"""The whole mandatory sequence, which is what the workflow says: its own lines, run as written in a clean clone.

So there is no second list of steps that could drift from the first. What is not committed is not part of it.
"""

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from devtasks.environment import ROOT
from devtasks.failure import TaskFailure
from devtasks.tasks import python

RUNNER = ROOT / "scripts" / "run_workflow.py"
WORKFLOW = ".github/workflows/execution-ci.yml"


def ci(arguments: Sequence[str]) -> int:
    """Run every command of the workflow in order and stop at the first that fails, with its exit code.

    With `--here` they run in this checkout, uncommitted changes included, instead of in a clean clone.
    """
    if list(arguments) == ["--here"]:
        return python(str(RUNNER), str(ROOT / WORKFLOW), str(ROOT))
    if arguments:
        raise TaskFailure(f"ci knows only --here, not {' '.join(arguments)}")
    changed = _git("status", "--porcelain").splitlines()
    if changed:
        print(f"ci: {len(changed)} uncommitted changes are not part of this run; --here takes them along", flush=True)
    with tempfile.TemporaryDirectory(prefix="governance-ci-") as folder:
        clone = Path(folder) / "checkout"
        _git("clone", "--quiet", "--no-local", str(ROOT), str(clone))
        return python(str(RUNNER), str(clone / WORKFLOW), str(clone))


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TaskFailure(f"git {words[0]} failed: {done.stderr.strip()}")
    return done.stdout
