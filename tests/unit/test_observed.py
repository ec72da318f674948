"""The project's files of any kind, what git knows of their past, and results that must not outlive either."""

import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from governance.cache import Cache
from governance.engine import scan
from governance.files import Base
from governance.observed import ObservedFiles


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=root, check=True, timeout=30,
                   capture_output=True)  # fmt: skip


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A branch `work` that began at `main`, which has moved on."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    for path in ("keep.txt", "edit.txt", "drop.txt", "move.txt", "sub/deep.txt"):
        write(root, path, f"{path}\n" * 9)
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "one")
    git(root, "switch", "-q", "-c", "work")
    git(root, "switch", "-q", "main")
    write(root, "keep.txt", "main moved on\n")
    git(root, "commit", "-q", "-a", "-m", "two")
    git(root, "switch", "-q", "work")
    return root


def test_only_files_that_exist_are_listed(tmp_path: Path) -> None:
    write(tmp_path, "b.txt", "")
    write(tmp_path, "a/é.txt", "")
    listed = ["b.txt", "gone.txt", "a", "a/é.txt", "b.txt"]
    assert ObservedFiles(tmp_path, listed).paths == ("a/é.txt", "b.txt")


@pytest.mark.parametrize(
    ("expected", "path"),
    [
        pytest.param(b"x", "a.txt", id="file"),
        pytest.param(b"x", "ignored/../a.txt".removeprefix("ignored/../"), id="plain"),
        pytest.param(None, "b.txt", id="gone"),
        pytest.param(None, "folder", id="folder"),
        pytest.param(None, "../secret.txt", id="above the root"),
        pytest.param(None, "folder/../../secret.txt", id="around"),
        pytest.param(None, "a.txt\0", id="no file name"),
    ],
)
def test_reading(tmp_path: Path, expected: bytes | None, path: str) -> None:
    root = tmp_path / "root"
    write(root, "a.txt", "x")
    (root / "folder").mkdir()
    write(tmp_path, "secret.txt", "s")
    assert ObservedFiles(root, []).read(path) == expected


def test_an_absolute_path_is_not_read(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "x")
    assert ObservedFiles(tmp_path, []).read(str(tmp_path / "a.txt")) is None


def test_the_base_is_where_the_branch_began(repository: Path) -> None:
    write(repository, "edit.txt", "edited\n")
    (repository / "drop.txt").unlink()
    git(repository, "mv", "move.txt", "moved.txt")
    git(repository, "commit", "-q", "-m", "moved")
    write(repository, "new.txt", "")
    found = ObservedFiles(repository, []).base("main")
    held = frozenset({"keep.txt", "edit.txt", "drop.txt", "move.txt", "sub/deep.txt"})
    assert found == Base(held, frozenset({"edit.txt", "drop.txt", "move.txt", "moved.txt"}))


def test_what_files_held_at_the_base(repository: Path) -> None:
    """Names that git quotes, contents that look like git's own answers, links and files that are gone."""
    odd = {"a\nb.txt": b"x\n", "sp ace/\u00e9.txt": b"", "answer.txt": b"0123 blob 4\nxxxx\n", "raw.bin": b"\0\xff\r\n"}
    for path, content in odd.items():
        (repository / path).parent.mkdir(exist_ok=True)
        (repository / path).write_bytes(content)
    (repository / "link").symlink_to("keep.txt")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "odd")
    for path in odd:
        (repository / path).unlink()
    base = ObservedFiles(repository, []).base("HEAD")
    assert base is not None
    assert base.read([*odd, "nowhere.txt", "link"]) == {**odd, "link": (repository / "keep.txt").read_bytes()}
    assert base.read([]) == {}


def test_a_project_in_a_folder_of_the_repository_sees_its_own_paths(repository: Path) -> None:
    write(repository, "sub/deep.txt", "edited\n")
    write(repository, "edit.txt", "edited\n")
    found = ObservedFiles(repository / "sub", []).base("main")
    assert found == Base(frozenset({"deep.txt"}), frozenset({"deep.txt"}))
    assert found.read(["deep.txt", "keep.txt"]) == {"deep.txt": b"sub/deep.txt\n" * 9}


@pytest.mark.parametrize("revision", ["nowhere", "", "--all", "-h", "main:keep.txt"])
def test_a_revision_that_is_none(repository: Path, revision: str) -> None:
    assert ObservedFiles(repository, []).base(revision) is None


def test_a_base_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert ObservedFiles(tmp_path, []).base("main") is None


def nothing(root: Path) -> None:
    write(root, "unrelated.txt", "not looked at")


def edited(root: Path) -> None:
    write(root, "keep.txt", "edited\n")


def dropped(root: Path) -> None:
    (root / "drop.txt").unlink()


def committed(root: Path) -> None:
    write(root, "sub/deep.txt", "deeper\n")
    git(root, "commit", "-q", "-a", "-m", "deeper")


@pytest.mark.parametrize(
    ("holds", "look", "change"),
    [
        pytest.param(True, lambda files: files.read("keep.txt"), nothing, id="content, elsewhere"),
        pytest.param(False, lambda files: files.read("keep.txt"), edited, id="content"),
        pytest.param(False, lambda files: files.read("drop.txt"), dropped, id="content, gone"),
        pytest.param(True, lambda files: files.paths, edited, id="names, content"),
        pytest.param(False, lambda files: files.paths, dropped, id="names"),
        pytest.param(False, lambda files: files.base("main"), edited, id="base, edited"),
        pytest.param(False, lambda files: files.base("main"), committed, id="base, committed"),
        pytest.param(True, lambda files: files.base("main"), nothing, id="base, untracked"),
        pytest.param(True, lambda files: None, edited, id="nothing looked at"),
    ],
)
def test_what_was_seen_holds_until_it_changes(
    repository: Path, holds: bool, look: Callable[[ObservedFiles], object], change: Callable[[Path], None]
) -> None:
    files = ObservedFiles(repository, ["keep.txt", "drop.txt"])
    look(files)
    seen = files.observations()
    assert ObservedFiles(repository, ["keep.txt", "drop.txt"]).still_hold(seen)
    change(repository)
    assert ObservedFiles(repository, ["keep.txt", "drop.txt"]).still_hold(seen) is holds


CONFIG = """
[contracts.stays]
type = "frozen"
because = "others read it"
files = {{ "data/schema.json" = "{digest}" }}

[contracts.places]
type = "layout"
because = "found by everybody"
required = ["LICENSE"]
"""


def test_a_kept_result_does_not_outlive_a_file_that_is_not_python(tmp_path: Path) -> None:
    """Each step scans twice, so that the second answer is the kept one."""
    root = tmp_path / "project"
    write(root, "app.py", "VALUE = 1\n")
    write(root, "LICENSE", "free\n")
    write(root, "data/schema.json", "{}\n")
    write(root, "governance.toml", CONFIG.format(digest=hashlib.sha256(b"{}\n").hexdigest()))

    def checks() -> list[str]:
        config, answers = root / "governance.toml", []
        for _ in range(2):
            cache = Cache(tmp_path / "cache")
            result = scan(root, config, cache)
            answers.append([finding.check for finding in result.findings])
        assert answers[0] == answers[1]
        return answers[0]

    assert checks() == []
    write(root, "data/schema.json", "{ }\n")
    assert checks() == ["changed"]
    write(root, "data/schema.json", "{}\n")
    (root / "LICENSE").unlink()
    assert checks() == ["missing-file"]
    (root / "data/schema.json").unlink()
    assert checks() == ["missing-file", "missing"]
    write(root, "data/schema.json", "{}\n")
    write(root, "LICENSE", "free\n")
    assert checks() == []
