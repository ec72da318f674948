"""A result stands until something it rests on is touched: every way of touching it is seen, and nothing else is."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance import engine, standing
from governance.cache import Cache
from governance.discovery import discover
from governance.result import ScanResult
from governance.settings import FileSettings

FILES = {
    "app/__init__.py": "",
    "app/a.py": "x = 1\n",
    "empty/notes.txt": "",
    "tool": "#!/bin/sh\n",
    "skip/.gitkeep": "",
    "left/__pycache__/a.pyc": "",
    "own/.gitignore": "*\n",
    "own/b.py": "",
    "README.md": "",
    "given.toml": "",
    ".gitignore": "skip/\n.governance_cache/\n__pycache__/\n",
}


class Project:
    """A folder with a cache of its own, under git or not."""

    def __init__(self, root: Path, by_git: bool) -> None:
        self.root = root
        for path, text in FILES.items():
            self.write(path, text)
        if by_git:
            self.git("init", "-q")
            self.git("add", "-A")
        self.cache = Cache(root / ".governance_cache")
        self.cache.keep_result("key", {})

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True, capture_output=True, timeout=60)

    def record(self) -> None:
        files = FileSettings()
        standing.record(self.cache, self.root, "key", time.time_ns(), files, discover(self.root, files), ["given.toml"])

    def holds(self) -> bool:
        return standing.holds(Cache(self.cache.folder), self.root, "key")


@pytest.fixture(params=[True, False], ids=["git", "no git"])
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Project:
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr(standing, "SETTLED_NS", 0)
    made = Project(tmp_path / "project", request.param)
    time.sleep(0.02)  # the clock of a file system ticks every few milliseconds
    made.record()
    assert made.holds()
    return made


def rewritten(project: Project) -> None:
    """Another content of the same length, with the times set back."""
    file = project.root / "app/a.py"
    before = file.stat()
    file.write_text("x = 2\n", encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def configured(project: Project) -> None:
    """An ignore file for all repositories of a user, where there was none."""
    (project.root.parent / "home/.config/git").mkdir(parents=True)
    (project.root.parent / "home/.config/git/ignore").write_text("a.py\n", encoding="utf-8")


TOUCHED: list[tuple[str, Callable[[Project], object]]] = [
    ("a file changed", lambda project: project.write("app/a.py", "x = 22\n")),
    ("a file changed without a trace in its mtime", rewritten),
    ("a file gone", lambda project: (project.root / "app/a.py").unlink()),
    ("a file renamed", lambda project: (project.root / "app/a.py").rename(project.root / "app/b.py")),
    ("a file put over another", lambda project: (project.root / "app/a.py").replace(project.root / "app/__init__.py")),
    ("a new file", lambda project: project.write("app/new.py", "")),
    ("a new file where there was no Python", lambda project: project.write("empty/new.py", "")),
    ("a new folder", lambda project: project.write("more/new.py", "")),
    ("a script that may be run now", lambda project: (project.root / "tool").chmod(0o755)),
    ("a script of another kind", lambda project: project.write("tool", "#!/usr/bin/env python\n")),
    ("a file that a contract looked at", lambda project: project.write("given.toml", "x")),
    ("a cache from elsewhere", lambda project: project.write(".governance_cache/.gitignore", "*")),
    ("no file of ours in the cache", lambda project: (project.root / ".governance_cache/.gitignore").unlink()),
]
BY_GIT: list[tuple[str, Callable[[Project], object]]] = [
    ("the index", lambda project: project.git("add", "-f", "skip")),
    ("an ignore rule", lambda project: project.write(".gitignore", "app/\n")),
    ("an ignore rule in a folder", lambda project: project.write("app/.gitignore", "a.py\n")),
    ("an ignore rule of the repository", lambda project: project.write(".git/info/exclude", "app/\n")),
    ("an ignore rule of the user", configured),
    ("the configuration of git", lambda project: project.git("config", "core.excludesFile", "given.toml")),
    ("a file where all that there was is ignored", lambda project: project.write("left/new.py", "")),
    ("an ignore rule that spoke of its own folder", lambda project: project.write("own/.gitignore", "")),
    ("no such rule any more", lambda project: (project.root / "own/.gitignore").unlink()),
    ("a repository inside", lambda project: (project.root / "app/.git").mkdir()),
]
UNTOUCHED: list[tuple[str, Callable[[Project], object]]] = [
    ("another kind of file", lambda project: project.write("README.md", "x")),
    ("what the cache keeps", lambda project: project.cache.keep_result("key", {"x": 1})),
]


@pytest.mark.parametrize("touch", [row[1] for row in TOUCHED], ids=[row[0] for row in TOUCHED])
def test_what_is_touched_is_seen(project: Project, touch: Callable[[Project], object]) -> None:
    touch(project)
    assert not project.holds()


@pytest.mark.parametrize("project", [True], indirect=True)
@pytest.mark.parametrize("touch", [row[1] for row in BY_GIT], ids=[row[0] for row in BY_GIT])
def test_what_git_goes_by_is_seen(project: Project, touch: Callable[[Project], object]) -> None:
    touch(project)
    assert not project.holds()


@pytest.mark.parametrize("project", [True], indirect=True)
def test_another_index_of_a_hook_is_seen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_INDEX_FILE", str(project.root / ".git/other"))
    assert not project.holds()


@pytest.mark.parametrize("project", [False], indirect=True)
def test_a_repository_around_it_is_seen(project: Project) -> None:
    (project.root.parent / ".git").mkdir()
    assert not project.holds()


@pytest.mark.parametrize("touch", [row[1] for row in UNTOUCHED], ids=[row[0] for row in UNTOUCHED])
def test_nothing_else_matters(project: Project, touch: Callable[[Project], object]) -> None:
    touch(project)
    assert project.holds()


@pytest.mark.parametrize("project", [True], indirect=True)
def test_what_git_ignores_does_not_matter(project: Project) -> None:
    project.write("skip/new.py", "")
    assert project.holds()


def test_a_record_from_elsewhere_is_not_believed(project: Project) -> None:
    """Whoever makes up a record cannot know the inode of a file that is not there yet."""
    assert project.cache.own_file is not None
    entry = project.cache.own_file
    project.cache.keep_standing(
        "key", [standing._environment(), standing._identity(project.cache, project.root, [], 0)]
    )
    assert not project.holds()
    entry.unlink()
    assert not project.holds()


DOUBTFUL: list[tuple[str, Callable[[Project], object]]] = [
    ("a link to a folder", lambda project: (project.root / "link").symlink_to("app")),
    ("a link to the folder above", lambda project: (project.root / "empty/loop").symlink_to("..")),
]


@pytest.mark.parametrize("make", [row[1] for row in DOUBTFUL], ids=[row[0] for row in DOUBTFUL])
def test_where_times_do_not_tell_nothing_is_recorded(project: Project, make: Callable[[Project], object]) -> None:
    make(project)
    time.sleep(0.02)
    for _ in range(2):
        project.record()
        assert not project.holds()


def test_what_is_younger_than_the_scan_is_not_relied_on(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "SETTLED_NS", 3_600_000_000_000)
    project.write("app/a.py", "x = 3\n")
    project.record()
    assert not project.holds()


def test_a_result_that_stands_is_given_without_looking_at_the_project(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = project.root / "governance.toml"
    config.write_text(
        '[contracts.c]\ntype = "confined-call"\nbecause = "b"\nmethods = ["app.a:f"]\nallowed = []\n', encoding="utf-8"
    )
    time.sleep(0.02)

    def scan() -> ScanResult:
        return engine.scan(project.root, config, Cache(project.cache.folder))

    first = scan()
    time.sleep(0.02)
    assert scan() == first

    def unwanted(*_: object) -> engine.Inventory:
        raise AssertionError("the project was looked at")

    with monkeypatch.context() as patched:
        patched.setattr(engine, "take_inventory", unwanted)
        assert scan() == first
    project.write("app/a.py", "def f():\n    pass\n")
    assert scan() != first


def test_a_repository_between_the_top_and_the_project_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing, "SETTLED_NS", 0)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True, timeout=60)
    project = Project(tmp_path / "middle/project", by_git=False)
    time.sleep(0.02)
    project.record()
    assert project.holds()
    subprocess.run(["git", "init", "-q", str(tmp_path / "middle")], check=True, timeout=60)
    assert not project.holds()
