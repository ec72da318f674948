"""A text cut into the few tokens that tell its shape.

Strings are told from code as a parser does it, the replacement fields of f-strings included, so that nothing can hide
in them. A text that is not valid gives some tokens all the same; the parser will refuse it.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from typing import Final

_STRINGS: Final = (
    r"(?P<formatted>\b(?:[fFtT][rR]?|[rR][fFtT])(?P<quote>\"\"\"|'''|\"|'))"
    r'|"""(?:[^"\\]++|\\[\s\S]|"(?!""))*+"""'
    r"|'''(?:[^'\\]++|\\[\s\S]|'(?!''))*+'''"
    r'|"(?:[^"\\\n]++|\\[\s\S])*+"'
    r"|'(?:[^'\\\n]++|\\[\s\S])*+'"
    r"|\#[^\r\n]*+|\\\r?\n"
)
BRACKETS: Final = re.compile(_STRINGS + r"|[()\[\]{}\n]")
"""Brackets, line ends, strings, comments, continued line ends."""
OPERATORS: Final = re.compile(
    _STRINGS + r"|[()\[\]{}\n,;:]|\.(?!\d)|[-+*/%@&|^~<>=!]|\b(?:not|and|or|if|else|lambda|await|in|is)\b"
)
"""The same and what chains expressions or separates them; an operator of two characters is two tokens."""

_IN_FIELD: Final = {BRACKETS: re.compile(BRACKETS.pattern + "|:"), OPERATORS: OPERATORS}
_LITERAL: Final = {quote: re.compile(r"\\[^{}]|\{\{|\}\}|\{|" + quote) for quote in ('"""', "'''", '"', "'")}
_SPECIFICATION: Final = re.compile(r"[{}]")

Token = tuple[str, int]
Tokens = Generator[Token, None, int]


def tokens(text: str, kinds: re.Pattern[str], start: int, end: int) -> Iterator[Token]:
    """Each token with the offset of its end; a replacement field appears in a pair of brackets."""
    while start < end:
        for found in kinds.finditer(text, start, end):
            if found["formatted"]:
                start = yield from _formatted(text, kinds, found.end(), end, found["quote"])
                break
            yield found[0], found.end()
        else:
            return


def _formatted(text: str, kinds: re.Pattern[str], start: int, end: int, quote: str) -> Tokens:
    """The fields of an f-string whose text begins at `start`; answers where it ends."""
    literal = _LITERAL[quote]
    while (found := literal.search(text, start, end)) is not None:
        start = found.end()
        if found[0] == quote:
            return start
        if found[0] == "{":
            start = yield from _field(text, kinds, start, end)
    return end


def _field(text: str, kinds: re.Pattern[str], start: int, end: int) -> Tokens:
    """One replacement field, its format included; answers where it ends."""
    yield "{", start
    depth = 0
    while (found := _IN_FIELD[kinds].search(text, start, end)) is not None:
        token, start = found[0], found.end()
        if found["formatted"]:
            start = yield from _formatted(text, kinds, start, end, found["quote"])
            continue
        if depth == 0 and token in ":}":
            if token == ":":
                start = yield from _specification(text, kinds, start, end)
            yield "}", start
            return start
        if token in "([{":
            depth += 1
        elif token in ")]}":
            depth -= 1
        if token != ":" or kinds is OPERATORS:
            yield token, start
    return end


def _specification(text: str, kinds: re.Pattern[str], start: int, end: int) -> Tokens:
    """The format of a field; answers where it ends."""
    while (found := _SPECIFICATION.search(text, start, end)) is not None:
        start = found.end()
        if found[0] == "}":
            return start
        start = yield from _field(text, kinds, start, end)
    return end
