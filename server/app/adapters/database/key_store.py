"""Keys in the table ``api_key``."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, bindparam, select

from server.app.access.api_key import ApiKey
from server.app.access.permission import Role
from server.app.adapters.database.database import Database
from server.app.adapters.database.tables import API_KEY

_GET: Final = select(API_KEY).where(API_KEY.c.id == bindparam("wanted"))
_LIST: Final = select(API_KEY).order_by(API_KEY.c.created_at, API_KEY.c.id)
_ANY: Final = select(API_KEY.c.id).limit(1)
_REVOKE: Final = (
    API_KEY.update()
    .where(API_KEY.c.id == bindparam("wanted"), API_KEY.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)


class SqlKeyStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, key: ApiKey) -> None:
        row = {
            "id": key.id,
            "name": key.name,
            "role": key.role.value,
            "secret_hash": key.secret_hash,
            "created_at": key.created_at,
            "revoked_at": key.revoked_at,
        }
        self._database.call(lambda connection: connection.execute(API_KEY.insert(), row).rowcount)

    def get(self, key_id: str) -> ApiKey | None:
        row = self._database.read(lambda connection: connection.execute(_GET, {"wanted": key_id}).mappings().first())
        return None if row is None else _key(row)

    def list(self) -> list[ApiKey]:
        rows = self._database.read(lambda connection: connection.execute(_LIST).mappings().all())
        return [_key(row) for row in rows]

    def revoke(self, key_id: str, at: datetime) -> bool:
        given = {"wanted": key_id, "at": at}
        return self._database.call(lambda connection: connection.execute(_REVOKE, given).rowcount) == 1

    def is_empty(self) -> bool:
        return self._database.read(lambda connection: connection.execute(_ANY).first()) is None


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(**{**row, "role": Role(row["role"])})
