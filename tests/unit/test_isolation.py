"""Files are read in children; one that hangs or dies costs one file."""

import contextlib
import io
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from governance import isolation, reading
from governance.digest import digest
from governance.isolation import ChildFailed, Read, read_files


def read(root: Path, paths: list[str], seconds: float = 30) -> dict[str, Read]:
    return {each.path: each for each in read_files(root, paths, seconds)}


def all_children() -> list[int]:
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found += map(int, (task / "children").read_text(encoding="utf-8").split())
    return found


Children = Callable[[], list[int]]


@pytest.fixture
def children() -> Children:
    """Asks for the children that were started since: a live server of other tests is none of ours."""
    before = set(all_children())
    return lambda: [pid for pid in all_children() if pid not in before]


@pytest.mark.parametrize("per_child", [100, 2], ids=["one child", "two children"])
def test_every_file_once_with_what_its_bytes_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, children: Children, per_child: int
) -> None:
    monkeypatch.setattr(isolation, "FILES_PER_CHILD", per_child)
    sources = {f"ordner {n}/ü{n}.py": f"def f{n}():\n    return g({n})\n".encode() for n in range(6)}
    sources["broken.py"] = b"def"
    sources[os.fsdecode(b"caf\xe9.py")] = b"f()  # governance: except[one] why\n"
    for path, source in sources.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(source)
    found = read(tmp_path, list(sources))
    assert found.keys() == sources.keys()
    for path, source in sources.items():
        assert found[path].key == digest(source)
        assert json.loads(found[path].entry) == json.loads(json.dumps(reading.read(source)))
    assert children() == []


def test_nothing_to_read(tmp_path: Path) -> None:
    assert read(tmp_path, []) == {}


def test_what_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    found = read(tmp_path, ["gone.py", "folder.py"])
    assert {path: (each.kind, each.message) for path, each in found.items()} == {
        "gone.py": ("unreadable", "cannot be read: No such file or directory"),
        "folder.py": ("unreadable", "cannot be read: Is a directory"),
    }


def test_a_file_that_takes_too_long(tmp_path: Path, children: Children) -> None:
    os.mkfifo(tmp_path / "endless.py")
    for name in ("a.py", "z.py"):
        (tmp_path / name).write_text("f()\n", encoding="utf-8")
    found = read(tmp_path, ["a.py", "endless.py", "z.py"], seconds=2)
    assert {path: each.kind for path, each in found.items()} == {"a.py": "", "endless.py": "too-slow", "z.py": ""}
    assert found["endless.py"].message == "takes more than 2 seconds to analyse"
    assert children() == []


DEATHS = [
    ("parser-died", "the parser died of it (exit code -11)", signal.SIGSEGV),
    ("too-slow", "takes more time to analyse than a file of its size may", signal.SIGPROF),
]


@pytest.mark.parametrize(("kind", "message", "number"), DEATHS, ids=[row[0] for row in DEATHS])
def test_a_child_that_dies(tmp_path: Path, children: Children, kind: str, message: str, number: int) -> None:
    os.mkfifo(tmp_path / "deadly.py")
    (tmp_path / "z.py").write_text("f()\n", encoding="utf-8")

    def kill() -> None:
        # Whoever opens the other end of the pipe knows that the child is at this file.
        with (tmp_path / "deadly.py").open("wb"):
            for pid in children():
                os.kill(pid, number)
            time.sleep(0.2)

    killer = threading.Thread(target=kill)
    killer.start()
    found = read(tmp_path, ["deadly.py", "z.py"])
    killer.join(timeout=30)
    assert (found["deadly.py"].kind, found["deadly.py"].message) == (kind, message)
    assert found["z.py"].kind == ""


def test_a_child_that_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").touch()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(ChildFailed, match=r"cannot be started \(/bin/false\)"):
        read(tmp_path, ["a.py"])


def test_nobody_waits_for_the_rest(tmp_path: Path, children: Children) -> None:
    os.mkfifo(tmp_path / "endless.py")
    (tmp_path / "a.py").touch()
    results = read_files(tmp_path, ["a.py", "endless.py"])
    assert next(results).path == "a.py"
    results.close()  # type: ignore[attr-defined]  # a generator
    assert children() == []


def test_whatever_the_extractor_raises_is_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: bytes) -> object:
        raise KeyError("unheard of")

    monkeypatch.setattr("governance.extract.extract", fail)
    (tmp_path / "a.py").touch()
    answers = io.BytesIO()
    reading.serve(io.BytesIO(json.dumps(str(tmp_path / "a.py")).encode() + b"\n"), answers)
    ready, answer = answers.getvalue().splitlines(keepends=True)
    assert ready == reading.READY
    assert answer == b'- ["crash", "the extractor failed: KeyError: \'unheard of\'"]\n'


@pytest.mark.parametrize(("source", "lines"), [(b"", 0), (b"a", 1), (b"a\n", 1), (b"a\nb", 2), (b"\n\n", 2)])
def test_lines(source: bytes, lines: int) -> None:
    assert reading.count_lines(source) == lines
