"""The sender of a request, as far as it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from server.app.access.permission import Permission

ANONYMOUS_NAME: Final = "anonymous"


@dataclass(frozen=True)
class Caller:
    """``id`` owns jobs; several keys may have been given to one caller. ``key_id`` is the key that was used."""

    id: str
    permissions: frozenset[Permission]
    key_id: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


ANYBODY: Final = Caller(ANONYMOUS_NAME, frozenset(Permission))
"""Who calls a server that asks for no key; may do everything."""
