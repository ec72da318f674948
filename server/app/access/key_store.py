"""The seam to where keys are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from server.app.access.api_key import ApiKey


class KeyStore(Protocol):
    """Thread-safe. What a method has done is durable when it returns."""

    def insert(self, key: ApiKey) -> None: ...

    def get(self, key_id: str) -> ApiKey | None: ...

    def list(self) -> list[ApiKey]:
        """All keys, revoked ones too, oldest first."""
        ...

    def revoke(self, key_id: str, at: datetime) -> bool:
        """End a key that still holds; says whether there was one."""
        ...

    def is_empty(self) -> bool:
        """Whether no key was ever made."""
        ...
