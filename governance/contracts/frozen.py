"""Frozen: files that must stay as they are, by their SHA-256 or as they were where this branch began.

Why: reference implementations, published schemas and applied migrations are promises; an edit breaks them in silence.
Limits: bytes are compared, so a checkout that rewrites line endings changes a file; a new hash is a change of policy.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from governance.contract import Binding, Broken, Direction, Report, Violation, Weaker
from governance.files import Files
from governance.findings import Grade
from governance.globs import matcher, problem
from governance.index import Index

NAME: Final = "frozen"
WEAKER: Final[Mapping[str, Direction]] = {
    "files": Weaker.LESS,
    "paths": Weaker.LESS,
    "base": Weaker.LESS,
}
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True)
class Options:
    """What is frozen: files by hash, paths by revision, or both."""

    files: dict[str, str] = field(default_factory=dict)
    """The SHA-256 of the content of each file, in hexadecimal."""
    paths: tuple[str, ...] = ()
    """Path globs of what must be as it is at `base`: nothing changed, gone or added."""
    base: str = ""
    """The revision of git to compare with, e.g. "origin/main"; what counts is where this branch began."""

    def __post_init__(self) -> None:
        if not (self.files or self.paths):
            raise ValueError("name what is frozen: files or paths")
        if bool(self.paths) != bool(self.base):
            raise ValueError("paths and base belong together: paths are compared with the revision base")
        for path, digest in self.files.items():
            if not _SHA256.fullmatch(digest):
                raise ValueError(f"files: the SHA-256 of {path} must have 64 hexadecimal digits")
        for pattern in self.paths:
            if why := problem(pattern):
                raise ValueError(f'paths: "{pattern}" {why}')


def looks_at_everything(_: Options) -> bool:
    """Names and places are those of all files."""
    return True


def check(index: Index, options: Options) -> Report:
    """Compare every frozen file with what it must be."""
    report = Report()
    for path, digest in options.files.items():
        report.bindings.append(Binding("frozen", path, path=path))
        report.violations.extend(_hashed(index.files, path, digest.lower()))
    examined = len(options.files)
    if options.paths:
        examined += _unchanged(index.files, options, report)
    return Report(report.violations, report.bindings, report.broken, examined)


def _hashed(files: Files, path: str, wanted: str) -> Iterator[Violation]:
    content = files.read(path)
    if content is None:
        suffix = PurePosixPath(path).suffix
        moved = next((each for each in files.paths if each.endswith(suffix) and _is(files, each, wanted)), None)
        where = f"; its content is now in {moved}" if moved else ""
        yield _violation("missing", f"frozen file {path} is gone or cannot be read{where}", path)
        return
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        message = f"frozen file {path} was changed: its SHA-256 is {found[:12]}..., not {wanted[:12]}..."
        yield _violation("changed", message, path)


def _is(files: Files, path: str, wanted: str) -> bool:
    content = files.read(path)
    return content is not None and hashlib.sha256(content).hexdigest() == wanted


def _unchanged(files: Files, options: Options, report: Report) -> int:
    """Compare with the base; how many files were compared."""
    base = files.base(options.base)
    if base is None:
        message = f"git knows no common history with {options.base} here (a shallow clone needs its history fetched)"
        report.broken.append(Broken("base", options.base, message))
        return 0
    for pattern in options.paths:
        matches = matcher([pattern])
        if not any(matches(path) for path in base.paths):
            message = f"nothing at {options.base} matches {pattern}"
            report.broken.append(Broken("paths", pattern, message))
    frozen = matcher(options.paths)
    now = frozenset(files.paths)
    held = sorted(path for path in base.paths if frozen(path))
    report.bindings.extend(Binding("frozen", path, path=path) for path in held)
    for path in held:
        if path not in now and files.read(path) is None:
            report.violations.append(_violation("missing", f"frozen file {path} is gone since {options.base}", path))
        elif path in base.changed:
            report.violations.append(
                _violation("changed", f"frozen file {path} was changed since {options.base}", path)
            )
    for path in sorted(now - base.paths):
        if frozen(path):
            report.violations.append(
                _violation("added", f"{path} was added to what is frozen since {options.base}", path)
            )
    return len(held)


def _violation(check: str, message: str, path: str) -> Violation:
    return Violation(check, message, Grade.DEFINITE, path=path, subject=path)
