"""The one error of extraction."""

from __future__ import annotations


class ExtractError(Exception):
    """A file that cannot be analysed.

    kind: parse (not Python), decode (not text in its declared encoding), too-large, too-deep (nested or chained beyond
    what can be parsed in bounded time and memory); line: 1-based, 0 if the whole file is meant.
    """

    def __init__(self, kind: str, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.line = line
