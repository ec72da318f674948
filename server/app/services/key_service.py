"""Makes, lists and revokes keys, and says whose key a text is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

from server.app.access.api_key import ApiKey, new_key, parts_of
from server.app.access.caller import ANONYMOUS_NAME, Caller
from server.app.access.key_store import KeyStore
from server.app.access.permission import PERMISSIONS, Role

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.@-]{0,63}", re.ASCII)


class KeyNameError(ValueError):
    """The message says which names there may be."""


class KeyService:
    def __init__(self, store: KeyStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    def create(self, name: str, role: Role) -> tuple[ApiKey, str]:
        """A new key and its text, which is kept nowhere.

        Raises:
            KeyNameError: the name cannot be a caller's.
        """
        if not _NAME.fullmatch(name):
            raise KeyNameError(
                f"{name!r} cannot be the name of a caller: up to 64 of a-z 0-9 _ . @ -, the first a letter or a digit"
            )
        if name == ANONYMOUS_NAME:
            raise KeyNameError(f"{name!r} is who calls without a key; choose another name")
        key, text = new_key(name, role, self._clock())
        self._store.insert(key)
        return key, text

    def list(self) -> list[ApiKey]:
        return self._store.list()

    def revoke(self, key_id: str) -> bool:
        """Whether there was a key of this id that held until now."""
        return self._store.revoke(key_id, self._clock())

    def none_was_made(self) -> bool:
        """Revoked keys count as made: taking the last key away must not open the server to everybody."""
        return self._store.is_empty()

    def caller_of(self, text: str) -> Caller | None:
        """Whose key this is; ``None`` if it is none, or revoked."""
        parts = parts_of(text)
        if parts is None:
            return None
        key_id, secret = parts
        key = self._store.get(key_id)
        if key is None or not key.opens_for(secret):
            return None
        return Caller(key.name, PERMISSIONS[key.role], key.id)
