"""Cache: facts of files and the result of the last run, on disk, keyed by content. It never changes an answer.

One folder `.governance_cache` at the project root:

    facts-.../ab/cdef...   one entry per content: what `reading` said about these bytes; one folder per extractor
    connections            which top-level packages each content names, as far as it was asked
    places                 where nodes of contents stand, as far as they were spoken of
    run                    the last result, with a key made of everything it depends on
    standing               what must not have been touched for that result to be given again unseen
    stat                   size, times and inode of every file with the key of its content, so that unchanged files are
                           not read again; a file that was touched just before it was read is not in it

Every entry carries a checksum and its own key; what does not match is ignored and written anew. Entries appear by
rename, so a reader sees a whole one or none, and two runs at once do no harm. What is in the folder is believed, so
it must not come from elsewhere: `usable` refuses a folder that the repository itself contains.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from functools import cache as once
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from governance import __version__
from governance.digest import digest

FOLDER: Final = ".governance_cache"
_PACKAGE: Final = Path(__file__).parent
_STAT_KEY: Final = "stat-1"
"""Raised when entries of `stat` mean something else."""
SETTLED_NS: Final = 2_000_000_000
"""A file younger than this when it is read may change again without its times showing it."""


@once
def extractor_version() -> bytes:
    """Identifies everything that facts depend on besides the bytes of the file."""
    from governance.facts import SCHEMA  # not needed, and not loaded, where the last result still holds

    sources = [_PACKAGE / f"{name}.py" for name in ("facts", "reading", "suppressions")]
    sources += sorted((_PACKAGE / "extract").glob("*.py"))
    texts = [source.read_bytes() for source in sources]
    words = f"{SCHEMA} {__version__} {sys.version_info[:2]}"
    return digest(words.encode(), _libcst_version(), *texts).encode()


@once
def tool_version() -> bytes:
    """Identifies the whole tool as installed: any change to it makes the last result void."""
    parts = [f"{__version__} {sys.version}".encode(), _libcst_version()]
    for folder, _, names in os.walk(_PACKAGE):
        for name in names:
            if name.endswith((".py", ".toml")):
                status = os.stat(f"{folder}/{name}")  # noqa: PTH116  # dozens of files at every start
                parts.append(f"{folder}/{name} {status.st_size} {status.st_mtime_ns}".encode())
    return digest(*sorted(parts)).encode()


@once
def _libcst_version() -> bytes:
    """What libcst says about itself, without importing it."""
    specs = (finder.find_spec("libcst", None) for finder in sys.meta_path)  # importlib.util takes longer to import
    found = next((spec for spec in specs if spec), None)
    version = Path(found.origin).with_name("_version.py") if found and found.origin else None
    return version.read_bytes() if version and version.exists() else repr(found).encode()


class Cache:
    """The cache of one project. `warning` says, after use, why nothing could be kept ("" if all went well)."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.warning = ""
        self._fresh: dict[str, list[Any]] = {}

    @cached_property
    def _stats(self) -> dict[str, list[Any]]:
        return self._load("stat", _STAT_KEY) or {}

    @cached_property
    def _known(self) -> dict[str, list[Any]]:
        return dict(self._stats)

    @property
    def own_file(self) -> Path | None:
        """A file in the folder that is made with it and never changed; None without a folder."""
        return self.folder / ".gitignore" if self.folder else None

    def refuse(self, reason: str) -> None:
        """Use nothing and keep nothing from now on."""
        self.folder, self.warning = None, reason
        self._stats = {}

    def content_key(self, root: Path, path: str, status: os.stat_result) -> str:
        """The key of a file's content; read only if its size, times or inode differ from last time. Raises OSError."""
        _ = self._known  # before anything is forgotten
        identity = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
        known = self._stats.get(path)
        if known and known[:4] == identity:
            self._fresh[path] = known
            return str(known[4])
        started = time.time_ns()
        key = digest((root / path).read_bytes())
        if max(identity[1], identity[2]) < started - SETTLED_NS:
            self._fresh[path] = [*identity, key]
        return key

    def forget(self, path: str) -> None:
        """Believe nothing about this file's content: it was not what it should be."""
        self._fresh.pop(path, None)
        self._stats.pop(path, None)

    def facts(self, key: str) -> dict[str, Any] | None:
        """What is known about the content with this key."""
        return self._load(_facts_name(key), key)

    def keep_facts(self, key: str, value: bytes) -> None:
        """Keep what was found out about this content, as JSON text."""
        if self.folder is not None and not (self.folder / _facts_folder()).exists():
            import shutil

            for old in self.folder.glob("facts-*"):
                shutil.rmtree(old, ignore_errors=True)
        self._store(_facts_name(key), key, value)

    def result(self, key: str) -> dict[str, Any] | None:
        """What `keep_result` was given last if its key was this one."""
        return self._load("run", key)

    def keep_result(self, key: str, value: dict[str, Any]) -> None:
        """Keep the result of a run."""
        self._store("run", key, _json(value))

    def standing(self, key: str) -> list[str] | None:
        """What `keep_standing` was given last if its key was this one."""
        body = self._read("standing", key)
        return body.decode("utf-8", "surrogateescape").split("\0") if body is not None else None

    def keep_standing(self, key: str, value: list[str]) -> None:
        """Keep what must not have been touched for the last result to hold."""
        self._store("standing", key, "\0".join(value).encode("utf-8", "surrogateescape"))

    def connections(self, key: str) -> dict[str, dict[str, list[str]]]:
        """What `keep_connections` was given last if its key was this one."""
        return self._load("connections", digest(key.encode())) or {}

    def keep_connections(self, key: str, value: dict[str, dict[str, list[str]]]) -> None:
        """Keep which packages contents name."""
        self._store("connections", digest(key.encode()), _json(value))

    def places(self) -> dict[str, dict[str, list[int]]]:
        """What `keep_places` was given last by the same extractor."""
        return self._load("places", extractor_version().decode()) or {}

    def keep_places(self, value: dict[str, dict[str, list[int]]]) -> None:
        """Keep the spans of nodes by the key of their content and their number."""
        self._store("places", extractor_version().decode(), _json(value))

    def close(self, root: Path) -> None:
        """Keep the times of the files, and drop what is known of contents that newer ones replaced."""
        if self.folder is None or self._fresh == self._known:
            return
        elsewhere = {path: entry for path, entry in self._stats.items() if path not in self._fresh}
        merged = {path: entry for path, entry in elsewhere.items() if (root / path).exists()} | self._fresh
        self._store("stat", _STAT_KEY, _json(merged))
        alive = {entry[4] for entry in merged.values()}
        self._drop(entry[4] for path, entry in self._stats.items() if path in self._fresh and entry[4] not in alive)

    def _drop(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._guarded(lambda path: path.unlink(missing_ok=True), _facts_name(key))

    def _load(self, name: str, key: str) -> dict[str, Any] | None:
        try:
            value = json.loads(self._read(name, key) or b"null")
        except (ValueError, RecursionError):
            return None
        return value if isinstance(value, dict) else None

    def _read(self, name: str, key: str) -> bytes | None:
        """The body of an entry; None if there is none with this key, or it is not whole."""
        if self.folder is None:
            return None
        try:
            head, _, body = (self.folder / name).read_bytes().partition(b"\n")
        except OSError:
            return None
        return body if head == f"{key} {digest(body)}".encode() else None

    def _store(self, name: str, key: str, body: bytes) -> None:
        if self.folder is None or self.warning:
            return
        self._guarded(lambda path: _write(path, f"{key} {digest(body)}\n".encode() + body), name)

    def _guarded(self, action: Callable[[Path], None], name: str) -> None:
        if self.folder is None:
            return
        try:
            if self.own_file and not self.own_file.exists():
                self.folder.mkdir(parents=True, exist_ok=True)
                _write(self.own_file, b"*\n")
            action(self.folder / name)
        except OSError as error:
            self.warning = f"nothing is cached: {self.folder}: {error.strerror}"


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _facts_folder() -> str:
    return f"facts-{extractor_version()[:12].decode()}"


def _facts_name(key: str) -> str:
    return f"{_facts_folder()}/{key[:2]}/{key[2:]}"


def usable(root: Path, tracked: frozenset[str], folder: Path | None) -> bool:
    """Whether the folder is our own: nothing in it, nor the way to it, is kept in the repository."""
    if not tracked or folder is None:
        return True
    paths = "\0".join(["", *tracked, ""])
    for candidate in {folder, folder.resolve()}:
        inside = Path(os.path.relpath(candidate, root)).as_posix()
        if f"\0{inside}\0" in paths or f"\0{inside}/" in paths:
            return False
    return True


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
