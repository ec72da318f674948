"""Digests: short keys for contents."""

from __future__ import annotations

import hashlib


def digest(*parts: bytes) -> str:
    """A key for these parts, in this order."""
    hashed = hashlib.blake2b(digest_size=20)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "little"))
        hashed.update(part)
    return hashed.hexdigest()
