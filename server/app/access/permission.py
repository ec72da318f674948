"""What a caller may be allowed to do, and the roles that allow it."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Permission(StrEnum):
    """``analyze``: execute plugins and see one's own jobs. ``stream``: follow a run while it works.
    ``plugins``: change plugins. ``admin``: see and stop everybody's jobs, read the error log."""

    ADMIN = "admin"
    ANALYZE = "analyze"
    STREAM = "stream"
    PLUGINS = "plugins"


class Role(StrEnum):
    ADMIN = "admin"
    USER = "user"


PERMISSIONS: Final[dict[Role, frozenset[Permission]]] = {
    Role.ADMIN: frozenset(Permission),
    Role.USER: frozenset({Permission.ANALYZE, Permission.STREAM}),
}
