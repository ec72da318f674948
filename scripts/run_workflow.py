"""Run the `run:` lines of a workflow as written, in order, the way the hosted runner does: `bash -eo pipefail`.

usage: python scripts/run_workflow.py WORKFLOW FOLDER

What `uses:` brings (checkout, interpreter, uploads) is the caller's part. A line that needs the hosted runner's own
expressions is refused, for then nobody could run it elsewhere. A variable that says something of the pull request is
left out: there is none.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

_OF_PULL_REQUEST = re.compile(r"\$\{\{ github\.event\.pull_request\.[\w.]+ \}\}")


def commands(workflow: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The name and the text of each `run:` step, job by job; ValueError when one cannot be run as written."""
    for job in workflow["jobs"].values():
        for step in job["steps"]:
            if "run" not in step:
                continue
            needed = [value for value in step.get("env", {}).values() if not _OF_PULL_REQUEST.fullmatch(str(value))]
            if "${{" in step["run"] or needed or "shell" in step or "working-directory" in step:
                raise ValueError(f"step {step.get('name', step['run'])!r} cannot be run as written outside the runner")
            yield step.get("name", step["run"]), step["run"]


def main(workflow: Path, folder: Path) -> int:
    """Run every command in the folder; the exit code of the first that fails, else 0."""
    # The runner says so too, and it keeps the test that starts this program from starting it again.
    environment = {**os.environ, "CI": "true", "GITHUB_ACTIONS": "true"}
    for name, command in commands(yaml.safe_load(workflow.read_text(encoding="utf-8"))):
        print(f"== {name}", flush=True)
        started = time.monotonic()
        words = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command]
        code = subprocess.run(words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False).returncode
        print(f"== {name}: {f'exit {code}' if code else 'ok'}, {time.monotonic() - started:.0f} s", flush=True)
        if code:
            return code
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
