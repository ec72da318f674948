"""Where the checkout is, and how a program is run as a user would run it."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
_AS_SOMEBODY = ("git", "-c", "user.name=A", "-c", "user.email=a@example.org")


class Shell:
    """Runs programs in one folder, without a standard input and without what a test run puts into the environment."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        hidden = ("COVERAGE_", "PYTEST_", "VIRTUAL_ENV", "GIT_", "GOVERNANCE_", "PRE_COMMIT")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(hidden)},
            **environment,
        }

    def run(self, words: Sequence[str | Path], *, seconds: int = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def git(self, *words: str | Path) -> str:
        done = self.run([*_AS_SOMEBODY, *words])
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message: str) -> subprocess.CompletedProcess[str]:
        """Commit everything there is, through whatever hooks there are."""
        self.git("add", "--all")
        return self.run([*_AS_SOMEBODY, "commit", "--quiet", "-m", message])

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
