"""A small governed project in a temporary folder, and the command line run on it as a process."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
[contracts.only-runner]
type = "confined-call"
because = "every run must be counted"
instead = "call app.runner:Runner.run"
methods = ["app.base:Plugin.run"]
allowed = ["app.runner:Runner.run"]
"""
FILES = {
    "governance.toml": CONFIG,
    "app/__init__.py": "",
    "app/base.py": "class Plugin:\n    def run(self, payload: dict) -> dict:\n        raise NotImplementedError\n",
    "app/runner.py": (
        "from app.base import Plugin\n\n\nclass Runner:\n    def run(self, plugin: Plugin) -> dict:\n"
        "        return plugin.run({})\n"
    ),
}
BYPASS = "from app.base import Plugin\n\n\ndef retry(plugin: Plugin) -> dict:\n    return plugin.run({})\n"


@dataclass
class Answer:
    """What a process said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)


class Project:
    """Files in a folder; `governance` run there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, content: str | bytes) -> Path:
        """Make a file, and the folders above it."""
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(content.encode() if isinstance(content, str) else content)
        return full

    def start(self, *arguments: str, cwd: Path | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """Start `python -m governance`."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "GOVERNANCE_"))}
        return subprocess.Popen(
            [sys.executable, "-m", "governance", *arguments],
            cwd=cwd or self.root,
            env={**inherited, "PYTHONUTF8": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *arguments: str, cwd: Path | None = None, **environment: str) -> Answer:
        """Run `python -m governance` to its end. A traceback is never an answer."""
        process = self.start(*arguments, cwd=cwd, **environment)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
        answer = Answer(process.returncode, out.decode(), err.decode())
        assert "Traceback" not in answer.out + answer.err
        return answer

    def check(self, *arguments: str, **environment: str) -> Answer:
        """`governance check` in the root."""
        return self.run("check", *arguments, cwd=None, **environment)

    def git(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run git in the root, as nobody in particular."""
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        return subprocess.run(
            ["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments],
            cwd=self.root,
            env={**inherited, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")
