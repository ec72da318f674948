"""Exceptions: suppressions that were not there at the base. One moved with its code, or reworded, is not new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance import suppressions
from governance.files import Base, Files
from governance.suppressions import Suppression

SUFFIXES: Final = (".py", ".pyw")


@dataclass(frozen=True, slots=True)
class _Found:
    """A suppression; code: the text of what it stands on or above."""

    path: str
    comment: Suppression
    contract: str
    code: str


_SAME: Final[tuple[Callable[[_Found], tuple[str, ...]], ...]] = (
    lambda each: (each.contract, each.path, each.comment.reason, each.code),
    lambda each: (each.contract, each.comment.reason, each.code),
    lambda each: (each.contract, each.path, each.code),
    lambda each: (each.contract, each.path, each.comment.reason),
)
"""What two suppressions have in common that are one and the same, the surest sign first."""


def added(files: Files, base: Base, renamed: Mapping[str, str]) -> Iterator[tuple[str, Suppression]]:
    """The suppressions that were not there, by path and line. renamed: old id -> new id of contracts."""
    fresh = [path for path in files.paths if path in base.changed or path not in base.paths]
    now = [each for path in fresh for each in _found(path, files.read(path))]
    if not now:
        return
    held = base.read(sorted(path for path in base.changed if _python(path)))
    was = [each for path in sorted(held) for each in _found(path, held[path], renamed)]
    for key in _SAME:
        left: dict[tuple[str, ...], list[_Found]] = {}
        for each in was:
            left.setdefault(key(each), []).append(each)
        new = []
        for each in now:
            if same := left.get(key(each)):
                was.remove(same.pop())
            else:
                new.append(each)
        now = new
    yield from sorted(((each.path, each.comment) for each in now), key=lambda pair: (pair[0], pair[1].line))


def _python(path: str) -> bool:
    """Whether a file may be Python: one without a suffix may be a script."""
    return path.endswith(SUFFIXES) or "." not in path.rpartition("/")[2]


def _found(path: str, content: bytes | None, renamed: Mapping[str, str] | None = None) -> Iterable[_Found]:
    if content is None or not _python(path):
        return
    try:
        comments = suppressions.find(content)
    except suppressions.Unreadable:
        return  # such a file is a problem of the scan, and nothing in it is suppressed
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").decode("utf-8", "replace").split("\n")
    for each in comments:
        row = each.line - 1
        code = lines[row][: each.column - 1].strip() or next(
            (line.strip() for line in lines[row + 1 :] if line.strip() and not line.lstrip().startswith("#")), ""
        )
        yield _Found(path, each, (renamed or {}).get(each.contract, each.contract), code)
