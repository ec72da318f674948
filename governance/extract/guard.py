"""What must hold before the native parser sees a file: it is text, not too large, and not nested without end."""

from __future__ import annotations

from typing import Final

import libcst as cst

from governance.extract.decode import decode
from governance.extract.effort import check
from governance.extract.error import ExtractError

MAX_BYTES: Final = 16_000_000
"""The last resort; the configuration sets a lower limit, which the scan applies before it reads a file."""


def read(source: bytes) -> str:
    """The text of a file that may be parsed. Raises ExtractError: decode, too-large, too-deep."""
    if len(source) > MAX_BYTES:
        raise ExtractError("too-large", f"{len(source)} bytes, more than the limit of {MAX_BYTES}")
    text = decode(source)
    check(text)
    return text


def parse(text: str) -> cst.Module:
    """Parse in this process a text that `read` let pass: the one call of the native parser for whole files."""
    try:
        return cst.parse_module(text)
    except cst.ParserSyntaxError as error:
        raise ExtractError("parse", error.message, error.raw_line) from None
    except RecursionError:
        raise ExtractError("too-deep", "the code is nested deeper than the parser can follow") from None
    except Exception as error:  # noqa: BLE001  # whatever the native parser raises, it is this file that cannot be read
        raise ExtractError("parse", f"the parser failed: {type(error).__name__}: {error}") from None
