"""The cache gives back what was put in, or nothing; it never changes an answer and never stops a scan."""

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import cache as caching
from governance.cache import Cache
from governance.digest import digest

KEY = "ab" + "0" * 38


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / ".governance_cache"


def test_facts_and_result_come_back(folder: Path) -> None:
    cache = Cache(folder)
    cache.keep_facts(KEY, json.dumps({"a": [1, "é\udce9"]}).encode())
    cache.keep_result("key", {"b": None})
    again = Cache(folder)
    assert again.facts(KEY) == {"a": [1, "é\udce9"]}
    assert again.result("key") == {"b": None}
    assert again.result("other") is None
    assert again.facts("cd" + KEY[2:]) is None
    assert cache.warning == ""


def test_the_folder_is_ignored_by_git(folder: Path) -> None:
    Cache(folder).keep_result("key", {})
    assert (folder / ".gitignore").read_text(encoding="utf-8") == "*\n"


def test_without_a_folder_nothing_is_kept(tmp_path: Path) -> None:
    cache = Cache(None)
    cache.keep_result("key", {})
    (tmp_path / "a.py").touch()
    assert cache.content_key(tmp_path, "a.py", (tmp_path / "a.py").stat()) == digest(b"")
    cache.close(tmp_path)
    assert cache.result("key") is None
    assert list(tmp_path.iterdir()) == [tmp_path / "a.py"]


@given(damage=st.one_of(st.binary(max_size=60), st.integers(0, 200)))
def test_damaged_entries_are_nothing(tmp_path_factory: pytest.TempPathFactory, damage: bytes | int) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    Cache(folder).keep_result("key", {"value": list(range(20))})
    entry = folder / "run"
    whole = entry.read_bytes()
    if isinstance(damage, int):
        broken = bytearray(whole)
        broken[damage % len(whole)] ^= 1 + damage % 255
        entry.write_bytes(bytes(broken))
    else:
        entry.write_bytes(damage)
    assert Cache(folder).result("key") is None
    entry.write_bytes(whole[: len(whole) // 2])
    assert Cache(folder).result("key") is None
    Cache(folder).keep_result("key", {"value": 1})
    assert Cache(folder).result("key") == {"value": 1}


def test_an_entry_under_another_key_is_nothing(folder: Path) -> None:
    cache = Cache(folder)
    cache.keep_facts(KEY, b'{"a": 1}')
    (entry,) = folder.glob("facts-*/ab/*")
    other = entry.with_name("1" * 38)
    entry.rename(other)
    assert cache.facts("ab" + "1" * 38) is None


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b"[" * 100_000])
def test_valid_checksums_over_foreign_content(folder: Path, body: bytes) -> None:
    cache = Cache(folder)
    cache.keep_result("key", {})
    (folder / "run").write_bytes(f"key {digest(body)}\n".encode() + body)
    assert cache.result("key") is None


@pytest.mark.parametrize("place", ["", "facts", "ab", ".gitignore"])
def test_something_else_stands_in_the_way(folder: Path, place: str) -> None:
    facts = caching._facts_folder()
    if place == ".gitignore":
        (folder / place).mkdir(parents=True)
        (folder / facts).touch()
    else:
        path = folder / {"": "", "facts": facts, "ab": f"{facts}/ab"}[place]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    cache = Cache(folder)
    cache.keep_facts(KEY, b'{"a": 1}')
    cache.keep_facts(KEY, b'{"a": 1}')
    assert cache.facts(KEY) is None
    assert cache.warning.startswith("nothing is cached: ")


def test_a_place_that_cannot_be_written() -> None:
    cache = Cache(Path("/proc/self/nowhere"))
    cache.keep_result("key", {})
    assert cache.warning.startswith("nothing is cached: /proc/self/nowhere: ")


def test_no_half_written_files_stay(folder: Path) -> None:
    cache = Cache(folder)
    (folder / "run").mkdir(parents=True)
    (folder / "run/in the way").touch()
    cache.keep_result("key", {})
    assert cache.warning
    assert sorted(path.name for path in folder.iterdir()) == [".gitignore", "run"]


class TestContentKeys:
    @pytest.fixture(autouse=True)
    def later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Files written now count as old enough to be trusted by their times."""
        now = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)

    def test_unchanged_files_are_not_read_again(self, tmp_path: Path, folder: Path) -> None:
        path = tmp_path / "a.py"
        path.write_text("a = 1", encoding="utf-8")
        first = Cache(folder)
        key = first.content_key(tmp_path, "a.py", (tmp_path / "a.py").stat())
        first.close(tmp_path)
        entry = json.loads((folder / "stat").read_bytes().partition(b"\n")[2])["a.py"]
        assert entry[4] == key
        entry[4] = "believed"
        second = Cache(folder)
        second._stats["a.py"] = entry
        assert second.content_key(tmp_path, "a.py", (tmp_path / "a.py").stat()) == "believed"

    def test_same_size_and_times_set_back(self, tmp_path: Path, folder: Path) -> None:
        path = tmp_path / "a.py"
        path.write_text("a = 1", encoding="utf-8")
        times = path.stat()
        first = Cache(folder)
        key = first.content_key(tmp_path, "a.py", (tmp_path / "a.py").stat())
        first.close(tmp_path)
        path.write_text("a = 2", encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert Cache(folder).content_key(tmp_path, "a.py", (tmp_path / "a.py").stat()) != key

    def test_replaced_contents_are_dropped_others_stay(self, tmp_path: Path, folder: Path) -> None:
        keys = {}
        for name in ("a.py", "b.py", "c.py"):
            (tmp_path / name).write_text("same" if name != "c.py" else "other", encoding="utf-8")
        first = Cache(folder)
        for name in ("a.py", "b.py", "c.py"):
            keys[name] = first.content_key(tmp_path, name, (tmp_path / name).stat())
            first.keep_facts(keys[name], b'{"name": 1}')
        first.close(tmp_path)
        (tmp_path / "a.py").write_text("new", encoding="utf-8")
        (tmp_path / "c.py").write_text("new", encoding="utf-8")
        second = Cache(folder)
        for name in ("a.py", "b.py", "c.py"):
            second.content_key(tmp_path, name, (tmp_path / name).stat())
        second.close(tmp_path)
        assert second.facts(keys["b.py"]) is not None
        assert second.facts(keys["c.py"]) is None

    def test_files_outside_of_this_run_are_remembered(self, tmp_path: Path, folder: Path) -> None:
        for name in ("a.py", "b.py", "gone.py"):
            (tmp_path / name).touch()
        first = Cache(folder)
        for name in ("a.py", "b.py", "gone.py"):
            first.content_key(tmp_path, name, (tmp_path / name).stat())
        first.close(tmp_path)
        (tmp_path / "gone.py").unlink()
        second = Cache(folder)
        second.content_key(tmp_path, "a.py", (tmp_path / "a.py").stat())
        second.close(tmp_path)
        assert sorted(Cache(folder)._stats) == ["a.py", "b.py"]


def test_young_files_are_read_again(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a.py").touch()
    cache = Cache(folder)
    cache.content_key(tmp_path, "a.py", (tmp_path / "a.py").stat())
    cache.close(tmp_path)
    assert Cache(folder)._stats == {}


def test_parts_are_not_mixed_up() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")


@pytest.mark.parametrize(
    ("tracked", "usable"),
    [
        ([], True),
        (["a.py", ".governance_cachet/x"], True),
        ([".governance_cache/run"], False),
        ([".governance_cache"], False),
    ],
)
def test_a_cache_from_the_repository_is_refused(tmp_path: Path, tracked: list[str], usable: bool) -> None:
    assert caching.usable(tmp_path, frozenset(tracked), tmp_path / ".governance_cache") is usable


def test_a_link_into_the_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "innocent").mkdir()
    (tmp_path / ".governance_cache").symlink_to("innocent")
    tracked = frozenset({"innocent/run"})
    assert not caching.usable(tmp_path, tracked, tmp_path / ".governance_cache")
