"""Bytes to text as the interpreter does it: byte order mark, PEP 263 cookie, UTF-8."""

from __future__ import annotations

import codecs
import re

from governance.extract.error import ExtractError

_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_WIDE = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def encoding(source: bytes) -> str:
    """The declared encoding. Raises ExtractError("decode") if it is unknown or contradicts the byte order mark."""
    marked = source.startswith(codecs.BOM_UTF8)
    lines = re.split(rb"\r\n?|\n", source[3 if marked else 0 : 4096], maxsplit=2)[:2]
    for number, line in enumerate(lines, 1):
        found = _COOKIE.match(line)
        if found:
            name = found[1].decode("ascii", "replace")
            try:
                known = codecs.lookup(name)
            except LookupError:
                raise ExtractError("decode", f"unknown encoding {name!r} is declared", number) from None
            if not getattr(known, "_is_text_encoding", True):
                raise ExtractError("decode", f"{name!r} is not an encoding of text", number)
            if marked and known.name != "utf-8":
                raise ExtractError("decode", f"a UTF-8 byte order mark, but {name!r} is declared", number)
            return known.name
        if not _BLANK.match(line):
            break
    return "utf-8"


def decode(source: bytes) -> str:
    """The text, without byte order mark; line ends as written. Raises ExtractError("decode")."""
    if source.startswith(_WIDE):
        raise ExtractError("decode", "the file is UTF-16 or UTF-32, which the interpreter does not read", 1)
    if b"\0" in source:
        raise ExtractError("decode", "the file holds NUL bytes", source.count(b"\n", 0, source.index(b"\0")) + 1)
    name = encoding(source)
    body = source.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode(name)
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise ExtractError("decode", f"byte {body[error.start]:#04x} is not {name}", line) from None
    except (ValueError, UnicodeError) as error:
        raise ExtractError("decode", f"not {name}: {error}") from None
