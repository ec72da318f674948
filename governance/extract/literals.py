"""Values of string and number literals, escapes included; no warning for an odd escape, no evaluation."""

from __future__ import annotations

import re
import unicodedata

_NEWLINE = re.compile(r"\r\n?")
_ESCAPE = re.compile(
    r"\\(?:(\n)|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|N\{([^}]*)\}|([\\'\"abfnrtv]))"
)
_SIMPLE = {"\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_MAX_INT = 2**63


def unescape(text: str, raw: bool) -> str:
    """What the characters between the quotes stand for; a malformed escape stands for itself."""
    if "\r" in text:
        text = _NEWLINE.sub("\n", text)
    return text if raw or "\\" not in text else _ESCAPE.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    newline, octal, byte, short, long, name, simple = found.groups()
    if newline:
        return ""
    if octal:
        return chr(int(octal, 8))
    if name is not None:
        try:
            return unicodedata.lookup(name)
        except KeyError:
            return found[0]
    if simple:
        return _SIMPLE[simple]
    code = int(byte or short or long, 16)
    return chr(code) if code < 0x110000 else found[0]


def string_value(literal: str) -> tuple[str, str | None]:
    """("str", value) or ("bytes", None) of a string literal as written, prefix and quotes included."""
    start = 0
    while literal[start] not in "'\"":
        start += 1
    prefix = literal[:start].lower()
    if "b" in prefix:
        return "bytes", None
    quotes = 3 if literal[start : start + 3] in ("'''", '"""') else 1
    return "str", unescape(literal[start + quotes : len(literal) - quotes], "r" in prefix)


def integer_value(literal: str) -> int | None:
    """The value, None if it needs more than 64 bits."""
    if len(literal) > 80:
        return None
    digits = literal.replace("_", "")
    value = int(digits, 0 if digits[1:2].isalpha() else 10)
    return value if value < _MAX_INT else None
