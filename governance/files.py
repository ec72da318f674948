"""Files: everything a project consists of, Python or not, as contracts see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Base:
    """What an earlier revision held. changed: paths that differ from it now, those that are gone included; read: what
    files held then, by path, those that were not there left out; commit: its id, "" if it has none."""

    paths: frozenset[str]
    changed: frozenset[str]
    read: Callable[[Iterable[str]], dict[str, bytes]] = field(default=lambda _: {}, compare=False)
    commit: str = field(default="", compare=False)

    @staticmethod
    def given(held: Mapping[str, bytes], now: Mapping[str, bytes]) -> Base:
        """A revision whose contents are at hand, compared with those of now."""
        changed = frozenset(path for path in held if now.get(path) != held[path])
        return Base(frozenset(held), changed, lambda paths: {path: held[path] for path in paths if path in held})


class Files(Protocol):
    """Paths are relative to the project root, with forward slashes."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files of the project that exist and are not excluded, sorted."""
        ...

    @property
    def config(self) -> str:
        """The path of the configuration file in use, "" if it lies outside of the project."""
        ...

    @property
    def revision(self) -> str:
        """The revision this run was told to compare with, "" if it was told none."""
        ...

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none, or it cannot be read."""
        ...

    def base(self, revision: str) -> Base | None:
        """The project where the present one branched off from a revision; None if that is not known here."""
        ...


@dataclass(frozen=True, slots=True)
class GivenFiles:
    """Files that are given as they are."""

    contents: Mapping[str, bytes] = field(default_factory=dict)
    bases: Mapping[str, Base] = field(default_factory=dict)
    config: str = "governance.toml"
    revision: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files, sorted."""
        return tuple(sorted(self.contents))

    def read(self, path: str) -> bytes | None:
        """The content of a file; None if there is none."""
        return self.contents.get(path)

    def base(self, revision: str) -> Base | None:
        """What was given for a revision."""
        return self.bases.get(revision)
