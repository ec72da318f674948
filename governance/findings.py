"""Findings: what a scan reports, after places have been resolved. Plain frozen data; rendering is done elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

GUARD: Final = "policy"
"""The contract type that guards the configuration. What it finds can be neither excluded nor suppressed: whoever
weakens a contract could else take the finding about it away by the same change."""


class Grade(IntEnum):
    """How certain an answer is: the minimum over every step of the chain that led to it.

    DEFINITE: syntax, resolved imports, declared types, assignments. PROBABLE: at least one heuristic step (structural
    protocol match, callback through a known external function). POSSIBLE: dynamic names, declared supertypes without
    evidence of a flow. UNRESOLVED: the receiver could not be determined at all.
    """

    UNRESOLVED = 0
    POSSIBLE = 1
    PROBABLE = 2
    DEFINITE = 3

    @property
    def label(self) -> str:
        """The lower-case word users see and write in configuration."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file: 1-based lines and columns, columns in characters; the end is exclusive. Line 0: whole file."""

    line: int
    column: int
    end_line: int
    end_column: int


WHOLE_FILE = Span(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Place:
    """A span in a file; `path` is relative to the project root, with forward slashes."""

    path: str
    span: Span


@dataclass(frozen=True, slots=True)
class ChainStep:
    """One step of the explanation of a finding: "`p` is returned by Registry.get" at its place."""

    text: str
    place: Place | None


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken promise at one place.

    contract: id of the configured contract; type: its contract type; check: the precise check of that type;
    symbol: qualified name of the enclosing function or class ("" at module level).
    """

    contract: str
    type: str
    check: str
    place: Place
    symbol: str
    message: str
    grade: Grade
    fails: bool
    because: str
    instead: str
    chain: tuple[ChainStep, ...] = ()
    subject: str = ""
    """What the finding is about in stable words (a symbol, a value), part of the fingerprint."""

    @property
    def fingerprint(self) -> str:
        """Identity without line numbers: survives moves of the code within its function."""
        text = "\0".join((self.contract, self.check, self.place.path, self.symbol, self.subject or self.message))
        return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=10).hexdigest()

    @property
    def sort_key(self) -> tuple[str, int, int, str, str, str]:
        """Order of every output: by file, place, contract."""
        span = self.place.span
        return (self.place.path, span.line, span.column, self.contract, self.check, self.message)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that kept the scan from being complete: an unreadable file, a contract that names nothing.

    kind: parse, decode, too-large, missing-path, anchor, vacuous, crash ...; contract: id or "" if none is concerned.
    """

    kind: str
    message: str
    path: str = ""
    line: int = 0
    contract: str = ""
    hint: str = ""
