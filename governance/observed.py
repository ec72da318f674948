"""Observed files: the project's files on disk; what was looked at is remembered, so that a result can be used again."""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from governance import git
from governance.files import Base

_LINK: Final = "120000"
"""The mode of a symbolic link, whose content is where it leads."""


class ObservedFiles:
    """The files of a project root. `listed` are the candidates; those that do not exist are left out. config, revision:
    as `Files` describes them."""

    def __init__(self, root: Path, listed: Iterable[str], config: str = "", revision: str = "") -> None:
        self.root, self.config, self.revision = root, config, revision
        self._listed = listed
        self._seen: dict[str, dict[str, str]] = {"names": {}, "contents": {}, "bases": {}}

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All files that exist, sorted."""
        found = tuple(sorted(path for path in set(self._listed) if Path(self.root, path).is_file()))
        self._seen["names"][""] = _digest(found)
        return found

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if it cannot be read or lies outside of the root."""
        content = None
        if not path.startswith("/") and ".." not in path.split("/"):
            try:
                content = (self.root / path).read_bytes()
            except (OSError, ValueError):
                content = None
        self._seen["contents"][path] = "" if content is None else hashlib.blake2b(content, digest_size=16).hexdigest()
        return content

    def base(self, revision: str) -> Base | None:
        """The project where HEAD branched off from a revision; None if git does not know it."""
        found = _base(self.root, revision)
        seen = [found.commit, *sorted(found.paths), "", *sorted(found.changed)] if found else []
        self._seen["bases"][revision] = _digest(seen) if found else ""
        return found

    def observations(self) -> dict[str, Any]:
        """What was looked at, as data that `still_hold` compares."""
        return {kind: dict(sorted(seen.items())) for kind, seen in self._seen.items()}

    def still_hold(self, observations: dict[str, dict[str, str]]) -> bool:
        """Whether looking at the same things again gives the same."""
        again = ObservedFiles(self.root, self._listed)
        _ = again.paths if observations["names"] else ()
        for path in observations["contents"]:
            again.read(path)
        for revision in observations["bases"]:
            again.base(revision)
        return again.observations() == observations


def _digest(lines: Iterable[str]) -> str:
    return hashlib.blake2b("\0".join(lines).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _base(root: Path, revision: str) -> Base | None:
    environment = git.environment()
    if revision.startswith("-"):
        return None
    merged = git.ask(root, environment, "merge-base", revision, "HEAD")
    commit = merged[0].strip() if merged else ""
    if not commit:
        return None
    listed = git.ask(root, environment, "ls-tree", "-r", "-z", commit)
    changed = git.ask(root, environment, "diff", "--raw", "-z", "--no-renames", "--relative", commit)
    if listed is None or changed is None:
        return None
    # Each entry: mode, kind and id, separated by blanks; a tab; the path.
    entries = [(words.split(" "), path) for words, _, path in (entry.partition("\t") for entry in listed)]
    blobs = {path: words[2] for words, path in entries}
    links = {path for words, path in entries if words[0] == _LINK}

    def read(paths: Iterable[str]) -> dict[str, bytes]:
        asked = [path for path in paths if path in blobs]
        held = git.contents(root, environment, (blobs[path] for path in asked))
        found = {path: content for path, content in zip(asked, held, strict=True) if content is not None}
        for path in found.keys() & links:
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), os.fsdecode(found.pop(path))))
            if target in blobs and target not in links:
                content = git.contents(root, environment, [blobs[target]])[0]
                found |= {path: content} if content is not None else {}
        return found

    return Base(frozenset(blobs), frozenset(_paths(changed)), read, commit)


def _paths(raw: list[str]) -> Iterator[str]:
    """`git diff --raw -z` gives a status line, then a path, in turn."""
    yield from (entry for entry in raw if not entry.startswith(":"))
