"""What the files of the repository may be called, and what may stand in none of them."""

import re
import subprocess

import pytest

from tests.meta.shell import CHECKOUT

FILES = subprocess.run(
    ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True
).stdout.split("\0")[:-1]


@pytest.mark.requirement("R-105")
def test_no_path_is_named_after_a_stage_of_the_project() -> None:
    staged = re.compile(r"phase|sprint|milestone|step[-_]?\d|week[-_]?\d|part[-_]?\d", re.IGNORECASE)
    assert [path for path in FILES if staged.search(path) and path != "docs/phase12-wrap-up.md"] == []


@pytest.mark.requirement("R-105")
def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = re.compile(r"(^|/)(utils?|helpers?|common|misc|manager)(\.py|/)")
    assert [path for path in FILES if empty.search(path)] == []


def test_no_lock_names_a_registry() -> None:
    locks = [path for path in FILES if path.startswith("requirements/")]
    assert sorted(locks) == ["requirements/dev.txt", "requirements/server.txt", "requirements/wheel.txt"]
    for path in locks:
        text = (CHECKOUT / path).read_text(encoding="utf-8")
        assert "://" not in text
        assert "index" not in text
    assert [path for path in FILES if path.endswith(("uv.lock", "pylock.toml"))] == []


def test_every_file_is_a_text() -> None:
    """A database or a log that was left lying there, say, tells of the machine that it comes from."""
    files = [CHECKOUT / path for path in FILES]
    assert [path.name for path in files if path.is_file() and b"\0" in path.read_bytes()] == []
