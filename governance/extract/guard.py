"""What must hold before the native parser sees a file: it is text, not too large, and not nested without end."""

from __future__ import annotations

import libcst as cst

from governance.extract.decode import decode
from governance.extract.error import ExtractError

MAX_BYTES = 2_000_000


def read(source: bytes) -> str:
    """The text of a file that may be parsed."""
    if len(source) > MAX_BYTES:
        raise ExtractError("too-large", f"{len(source)} bytes, more than the limit of {MAX_BYTES}")
    return decode(source)


def parse(text: str) -> cst.Module:
    """Parse in this process; the one place that calls the native parser."""
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise ExtractError("parse", error.message, error.raw_line) from None
