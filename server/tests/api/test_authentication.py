"""Where a key is looked for, and how long what the database said is believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from server.app.access.caller import ANYBODY, Caller
from server.app.access.permission import Permission, Role
from server.app.adapters.database.database import Database
from server.app.adapters.database.key_store import SqlKeyStore
from server.app.api.authentication import KEPT_SECONDS, Authentication, key_in
from server.app.core.clock import utc_now
from server.app.services.key_service import KeyService

pytestmark = pytest.mark.requirement("R-055")


@pytest.mark.parametrize(
    ("key", "headers"),
    [
        (None, []),
        (None, [(b"cookie", b"x-api-key=a")]),
        (b"a", [(b"x-api-key", b"a")]),
        (b"", [(b"x-api-key", b"")]),
        (b"a", [(b"authorization", b"Bearer a")]),
        (b"a", [(b"authorization", b"BEARER  a ")]),
        (b"", [(b"authorization", b"Bearer")]),
        (b"?", [(b"authorization", b"Basic a")]),
        (b"?", [(b"authorization", b"a")]),
        (b"a", [(b"authorization", b"Bearer b"), (b"x-api-key", b"a")]),
        (b"a", [(b"x-api-key", b"a"), (b"authorization", b"Bearer b")]),
        (b"?", [(b"x-api-key", b"a"), (b"x-api-key", b"b")]),
        (b"?", [(b"x-api-key", b"a"), (b"x-api-key", b"a"), (b"authorization", b"Bearer a")]),
        (b"?", [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer a")]),
    ],
)
def test_where_a_key_is_looked_for(key: bytes | None, headers: list[tuple[bytes, bytes]]) -> None:
    assert key_in(headers) == key


class Door:
    """Authentication over a real key service, with a clock that the test turns and a count of the look-ups."""

    def __init__(self, database: Database, *, key_required: bool) -> None:
        self.keys = KeyService(SqlKeyStore(database), utc_now)
        self.now = 0.0
        self.lookups = 0
        self._authentication = Authentication(key_required=key_required, clock=lambda: self.now)

    def caller(self, text: str | None) -> Caller | None:
        headers = [] if text is None else [(b"x-api-key", text.encode("latin-1"))]
        return asyncio.run(self._authentication.caller(headers, self.keys, self._blocking))

    async def _blocking(self, work: Callable[..., Any], *args: Any) -> Any:
        self.lookups += 1
        return work(*args)


def test_the_database_is_asked_once_a_second_and_a_revoked_key_ends_within_it(database: Database) -> None:
    door = Door(database, key_required=True)
    key, text = door.keys.create("alice", Role.USER)
    assert {door.caller(text) for _ in range(50)} == {
        Caller("alice", frozenset({Permission.ANALYZE, Permission.STREAM}), key.id)
    }
    assert door.lookups == 1
    door.keys.revoke(key.id)
    door.now += KEPT_SECONDS
    assert door.caller(text) is None


def test_without_a_key_somebody_is_let_in_only_until_there_is_one(database: Database) -> None:
    door = Door(database, key_required=False)
    assert door.caller(None) == ANYBODY
    assert door.caller("nonsense") is None
    key, _ = door.keys.create("alice", Role.USER)
    door.now += KEPT_SECONDS
    assert door.caller(None) is None
    door.keys.revoke(key.id)
    door.now += KEPT_SECONDS
    assert door.caller(None) is None


def test_where_a_key_is_required_nobody_is_let_in_without(database: Database) -> None:
    assert Door(database, key_required=True).caller(None) is None


def test_wrong_keys_fill_no_memory(database: Database) -> None:
    door = Door(database, key_required=True)
    _, text = door.keys.create("alice", Role.USER)
    assert door.caller(text) is not None
    for number in range(1100):
        assert door.caller(f"wrong {number}") is None
    assert len(door._authentication._kept) <= 1024
    assert door.caller(text) is not None
