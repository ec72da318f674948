"""Which files are found, under which module names, and what is reported about those that cannot be looked at."""

import os
import subprocess
from pathlib import Path

import pytest

from governance.discovery import Listing, discover
from governance.settings import FileSettings


def make(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("", encoding="utf-8")
    return root


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=root, check=True, timeout=30,
                   capture_output=True)  # fmt: skip


@pytest.fixture(autouse=True)
def no_outer_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit hook that runs these tests must not have its index read here."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


def paths(listing: Listing) -> list[str]:
    return [file.path for file in listing.files]


def names(listing: Listing) -> dict[str, str]:
    return {file.path: file.module for file in listing.files}


def kinds(listing: Listing) -> list[tuple[str, str]]:
    return [(problem.kind, problem.path) for problem in listing.problems]


NAMES = [
    ("flat", ["a.py", "pkg/__init__.py", "pkg/b.py"], {"a.py": "a", "pkg/__init__.py": "pkg", "pkg/b.py": "pkg.b"}),
    ("namespace", ["server/app/x.py"], {"server/app/x.py": "server.app.x"}),
    ("src", ["src/pkg/b.py", "tests/test_b.py"], {"src/pkg/b.py": "pkg.b", "tests/test_b.py": "tests.test_b"}),
    ("src is a package", ["src/__init__.py", "src/b.py"], {"src/__init__.py": "src", "src/b.py": "src.b"}),
    (
        "conftest",
        ["conftest.py", "tests/conftest.py"],
        {"conftest.py": "conftest", "tests/conftest.py": "tests.conftest"},
    ),
    ("script", ["scripts/do-it.py"], {"scripts/do-it.py": "scripts.do-it"}),
    ("main", ["pkg/__main__.py"], {"pkg/__main__.py": "pkg.__main__"}),
    (
        "nested project",
        ["packages/one/pyproject.toml", "packages/one/src/one/a.py", "packages/two/setup.py", "packages/two/two/a.py"],
        {"packages/one/src/one/a.py": "one.a", "packages/two/setup.py": "setup", "packages/two/two/a.py": "two.a"},
    ),
    ("src wins over the root", ["pkg/a.py", "src/pkg/a.py"], {"src/pkg/a.py": "pkg.a", "pkg/a.py": "pkg/a.py"}),
    (
        "two nested projects with the same names",
        ["one/pyproject.toml", "one/tests/test_a.py", "two/pyproject.toml", "two/tests/test_a.py"],
        {"one/tests/test_a.py": "tests.test_a", "two/tests/test_a.py": "two.tests.test_a"},
    ),
    ("package wins over module", ["a.py", "a/__init__.py"], {"a/__init__.py": "a", "a.py": "a.py"}),
    ("package at the root", ["__init__.py", "b.py"], {"__init__.py": "__init__", "b.py": "b"}),
    ("space and accents", ["süß und klein/ma ß.py"], {"süß und klein/ma ß.py": "süß und klein.ma ß"}),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_module_names(tmp_path: Path, files: list[str], expected: dict[str, str]) -> None:
    listing = discover(make(tmp_path, *files), FileSettings())
    assert names(listing) == expected
    assert listing.problems == []


def test_packages_are_known(tmp_path: Path) -> None:
    listing = discover(make(tmp_path, "a/__init__.py", "a/b.py", "__init__.py"), FileSettings())
    assert {file.path: file.is_package for file in listing.files} == {
        "a/__init__.py": True, "a/b.py": False, "__init__.py": False,
    }  # fmt: skip


def test_configured_source_roots(tmp_path: Path) -> None:
    make(tmp_path, "lib/a.py", "lib/deep/b.py", "scripts/c.py", "d.py")
    listing = discover(tmp_path, FileSettings(source_roots=("lib", "lib/deep", "./scripts/")))
    assert names(listing) == {"d.py": "d", "lib/a.py": "a", "lib/deep/b.py": "b", "scripts/c.py": "c"}


def test_paths_and_exclude(tmp_path: Path) -> None:
    make(tmp_path, "a/x.py", "a/gen/y.py", "b/z.py", "c.py", "ab/w.py")
    assert paths(discover(tmp_path, FileSettings(paths=("./a/", "c.py"), exclude=("gen",)))) == ["a/x.py", "c.py"]


def test_a_walk_leaves_out_what_is_not_the_project(tmp_path: Path) -> None:
    make(tmp_path, "a.py", ".hidden/b.py", "node_modules/c.py", "env/pyvenv.cfg", "env/lib/d.py", "__pycache__/e.py")
    make(tmp_path, "a.txt", "b.pyc", "c.pyi", "d.pyw")
    assert paths(discover(tmp_path, FileSettings())) == ["a.py", "d.pyw"]


def test_scripts_without_suffix(tmp_path: Path) -> None:
    make(tmp_path, "run", "sh", "notes", "plain")
    (tmp_path / "run").write_text("#!/usr/bin/env python3\n", encoding="utf-8")
    (tmp_path / "sh").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "plain").write_text("#!/usr/bin/env python3\n", encoding="utf-8")
    for name in ("run", "sh", "notes"):
        (tmp_path / name).chmod(0o755)
    assert names(discover(tmp_path, FileSettings())) == {"run": "run"}


def test_no_files(tmp_path: Path) -> None:
    assert kinds(discover(tmp_path, FileSettings())) == [("no-files", "")]


def test_missing_configured_paths(tmp_path: Path) -> None:
    listing = discover(make(tmp_path, "a.py"), FileSettings(paths=(".", "gone"), source_roots=("src",)))
    assert kinds(listing) == [("missing-path", "gone"), ("missing-path", "src")]


LINKS = [
    ("to itself", "loop.py", "loop.py", [("unreadable", "loop.py")], ["a.py"]),
    ("to nothing", "gone.py", "nowhere.py", [("unreadable", "gone.py")], ["a.py"]),
    ("to a file", "b.py", "a.py", [], ["a.py", "b.py"]),
    ("folder above itself", "pkg", ".", [], ["a.py"]),
    ("folder outside", "pkg", "/", [("outside", "pkg")], ["a.py"]),
    ("folder named like a file", "b.py", ".", [], ["a.py"]),
    ("to itself, without suffix", "loop", "loop", [], ["a.py"]),
    ("to a device", "b.py", "/dev/null", [("unreadable", "b.py")], ["a.py"]),
]


@pytest.mark.requirement("R-076")
@pytest.mark.parametrize(("link", "expected"), [(row[1:3], row[:2:-1]) for row in LINKS], ids=[row[0] for row in LINKS])
@pytest.mark.parametrize("repository", [False, True], ids=["walk", "git"])
def test_links(tmp_path: Path, link: tuple[str, str], expected: tuple[object, object], repository: bool) -> None:
    (make(tmp_path, "a.py") / link[0]).symlink_to(link[1])
    if repository:
        git(tmp_path, "init", "-q")
    listing = discover(tmp_path, FileSettings())
    assert (paths(listing), kinds(listing)) == expected


def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(make(tmp_path, "a.py") / "b.py")
    listing = discover(tmp_path, FileSettings())
    assert (paths(listing), kinds(listing)) == (["a.py"], [("unreadable", "b.py")])


def test_a_folder_named_like_a_file(tmp_path: Path) -> None:
    assert names(discover(make(tmp_path, "pkg.py/b.py"), FileSettings())) == {"pkg.py/b.py": "pkg.py.b"}


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/caf\xe9.py"
    Path(os.fsdecode(raw)).write_bytes(b"")
    git(tmp_path, "init", "-q")
    assert paths(discover(tmp_path, FileSettings())) == [os.fsdecode(b"caf\xe9.py")]


class TestGit:
    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        make(tmp_path, "kept.py", ".hidden/tracked.py", "fresh.py", "ignored.py", "with space/ü.py")
        (tmp_path / ".gitignore").write_text("ignored.py\n", encoding="utf-8")
        git(tmp_path, "init", "-q")
        git(tmp_path, "add", "kept.py", ".hidden", "with space")
        return tmp_path

    def test_tracked_and_new_files(self, root: Path) -> None:
        listing = discover(root, FileSettings())
        assert paths(listing) == [".hidden/tracked.py", "fresh.py", "kept.py", "with space/ü.py"]
        assert "kept.py" in listing.tracked
        assert "fresh.py" not in listing.tracked

    def test_a_folder_of_the_repository(self, root: Path) -> None:
        assert names(discover(root / "with space", FileSettings())) == {"ü.py": "ü"}

    def test_tracked_but_ignored(self, root: Path) -> None:
        git(root, "add", "-f", "ignored.py")
        assert "ignored.py" in paths(discover(root, FileSettings()))

    def test_deleted_on_disk(self, root: Path) -> None:
        (root / "kept.py").unlink()
        listing = discover(root, FileSettings())
        assert "kept.py" not in paths(listing)
        assert listing.problems == []

    def test_not_checked_out(self, root: Path) -> None:
        git(root, "update-index", "--skip-worktree", "kept.py")
        (root / "kept.py").unlink()
        assert kinds(discover(root, FileSettings())) == [("not-checked-out", "kept.py")]

    @pytest.mark.requirement("R-079")
    def test_the_index_of_a_partial_commit(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (root / "forced.py").touch()
        (root / ".gitignore").write_text("*.py\n", encoding="utf-8")
        monkeypatch.setenv("GIT_INDEX_FILE", str(root / ".git/partial"))
        git(root, "add", "-f", "forced.py")
        assert paths(discover(root, FileSettings())) == ["forced.py"]

    def test_relative_environment_of_a_hook(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(root)
        monkeypatch.setenv("GIT_DIR", ".git")
        monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
        assert names(discover(root / "with space", FileSettings())) == {"ü.py": "ü"}

    def test_conflicts_list_a_file_once(self, root: Path) -> None:
        git(root, "commit", "-qm", "one")
        git(root, "checkout", "-qb", "other")
        (root / "kept.py").write_text("a = 1\n", encoding="utf-8")
        git(root, "commit", "-qam", "two")
        git(root, "checkout", "-q", "-")
        (root / "kept.py").write_text("a = 2\n", encoding="utf-8")
        git(root, "commit", "-qam", "three")
        with pytest.raises(subprocess.CalledProcessError):
            git(root, "merge", "-q", "other")
        assert paths(discover(root, FileSettings())).count("kept.py") == 1

    def test_repositories_inside(self, root: Path) -> None:
        inner = make(root / "inner", "a.py", "skipped.py")
        git(inner, "init", "-q")
        (inner / ".gitignore").write_text("skipped.py", encoding="utf-8")
        assert "inner/a.py" in paths(discover(root, FileSettings()))
        git(inner, "add", "a.py")
        git(inner, "commit", "-qm", "one")
        git(root, "add", "inner")
        found = paths(discover(root, FileSettings()))
        assert "inner/a.py" in found
        assert "inner/skipped.py" not in found

    def test_a_repository_that_git_cannot_read(self, root: Path) -> None:
        (root / ".git/HEAD").unlink()
        listing = discover(root, FileSettings())
        assert "kept.py" in paths(listing)
        assert "git cannot list this repository" in listing.note
