"""Bound: where the name stands that an assignment gives to a value, found by looking back from the value."""

from __future__ import annotations

import re

from governance.extract import guard
from governance.findings import Span

_NEWLINE = re.compile(r"\r\n?|\n")


def bound(source: bytes, value: Span, name: str) -> Span:
    """The last mention of a name before a value; the value's own place if there is none."""
    lines = _NEWLINE.split(guard.read(source))
    wanted = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
    for line in range(value.line, 0, -1):
        text = lines[line - 1][: value.column - 1] if line == value.line else lines[line - 1]
        found = list(wanted.finditer(text))
        if found:
            return Span(line, found[-1].start() + 1, line, found[-1].end() + 1)
    return value
