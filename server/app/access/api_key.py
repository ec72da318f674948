"""API keys: ``cts_<id>_<secret>``. The id may be shown and logged; of the secret only a hash is kept.

A plain SHA-256 is the right hash here. The slow hashes made for passwords make guessing a short, human secret
expensive; this secret is 256 random bits, which nobody guesses at any speed, and a slow hash would cost every request.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from server.app.access.permission import Role

_FORM: Final = re.compile(r"cts_([0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """What is kept of a key. ``name`` is the caller that it was given to. Times are UTC."""

    id: str
    name: str
    role: Role
    secret_hash: str
    created_at: datetime
    revoked_at: datetime | None = None

    def opens_for(self, secret: str) -> bool:
        """Whether ``secret`` is this key's and the key still holds; takes equally long for every wrong secret."""
        return hmac.compare_digest(self.secret_hash, hash_of(secret)) and self.revoked_at is None


def new_key(name: str, role: Role, at: datetime) -> tuple[ApiKey, str]:
    """A key and its text, which cannot be had again."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    key = ApiKey(id=key_id, name=name, role=role, secret_hash=hash_of(secret), created_at=at)
    return key, f"cts_{key_id}_{secret}"


def parts_of(text: str) -> tuple[str, str] | None:
    """Id and secret of a key's text; ``None`` for what cannot be a key."""
    found = _FORM.fullmatch(text)
    return (found[1], found[2]) if found else None


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
