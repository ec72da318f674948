"""Files: everything a project consists of, Python or not, as contracts see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Base:
    """What an earlier revision held. changed: paths that differ from it now, those that are gone included."""

    paths: frozenset[str]
    changed: frozenset[str]


class Files(Protocol):
    """Paths are relative to the project root, with forward slashes."""

    @property
    def paths(self) -> tuple[str, ...]:
        """All files of the project that exist and are not excluded, sorted."""
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
