"""Takes secrets out of text that is kept or logged.

Limits: what looks like no secret is not seen as one. A secret belongs into no message in the first place; this is the
net below, for texts of plugins and libraries.
"""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "***"

_NAMES: Final = r"[\w-]{0,40}(?:authorization|api[_-]?key|password|passwd|secret|token|credential)[\w-]{0,40}"
_QUOTED: Final = "|".join(rf"{mark}(?:(?:[^{mark}\\]|\\[\s\S]){{0,4096}}{mark}|[^{mark}\n]*)" for mark in "\"'")
"""To the quotation mark that ends it, over lines and past escaped ones; without one, to the end of the line."""

_SECRETS: Final = re.compile(
    r"(?P<key>cts_[0-9a-f]{16}_)[A-Za-z0-9_-]{43}"
    r"|(?P<bearer>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}"
    rf"|(?P<named>(?<![\w-]){_NAMES}[\"']?\s{{0,8}}[:=]\s{{0,8}})(?:{_QUOTED}|(?:bearer|basic)\s+\S+|[^\s\"',;&)}}\]]+)"
    r"|(?P<address>\b[a-z][a-z0-9+.-]{0,30}://)[^\s/@:]{0,256}:[^\s/@]{1,256}@"
    r"|(?P<pem>-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----)[^-]*",
    re.IGNORECASE,
)


_HINTS: Final = (
    *("cts_", "bearer", "basic", "://", "-----begin"),
    *("authorization", "api_key", "api-key", "apikey", "password", "passwd", "secret", "token", "credential"),
)
"""In lower case; a text in ASCII without any of them holds nothing that the expression above finds."""


def redacted(text: str) -> str:
    """The text with ``***`` where keys, tokens, passwords and private keys stood."""
    if text.isascii():  # beyond it, some letters count as another case of an ASCII letter
        lower = text.lower()
        for hint in _HINTS:  # a generator inside of any() would take three times as long, for every line of the log
            if hint in lower:
                break
        else:
            return text
    return _SECRETS.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    kept = next(part for part in found.groupdict().values() if part is not None)
    return f"{kept}{REDACTED}@" if found["address"] else f"{kept}{REDACTED}"
