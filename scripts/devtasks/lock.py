"""Hash-pinned locks of what pyproject.toml asks for: one file each for the wheel, the server and the developer.

They name no registry, install on every supported Python, and are made from the developer's lock downwards, so that a
package has one version in all of them.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from devtasks.environment import LOCK, ROOT, ready_python
from devtasks.failure import TaskFailure

# What goes into each lock besides the wheel's own run-time dependencies.
LOCKS = {"dev": ("--group", "dev"), "server": ("--group", "server"), "wheel": ()}
COMPILE = (
    "pip",
    "compile",
    "--quiet",
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-annotate",
    "--no-strip-extras",  # pip wants the extra of a package to be pinned as well
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=python3 scripts/dev.py lock",
)


def lock(arguments: Sequence[str]) -> int:
    """Write every lock; versions stay as they are unless `--upgrade` or `--upgrade-package NAME` is among the words."""
    uv = shutil.which("uv") or str(ready_python().with_name("uv"))
    for name, groups in LOCKS.items():
        target = LOCK.with_name(f"{name}.txt")
        constraint = () if target == LOCK else (f"--constraint={LOCK.relative_to(ROOT)}",)
        upgrade = arguments if target == LOCK else ()
        command = [uv, *COMPILE, "pyproject.toml", *groups, *constraint, *upgrade, "-o", str(target.relative_to(ROOT))]
        environment = {"UV_SYSTEM_CERTS": "1", **os.environ}
        if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
            raise TaskFailure(f"could not lock {_shown(target)}; what uv said stands above", exit_code=1)
        print(f"locked {_shown(target)}")
    return 0


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))
