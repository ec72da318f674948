"""Where the configuration was at the base: a file that was moved is not a new one."""

from __future__ import annotations

from typing import Final

from governance.config_file import FILE_NAMES, speaks_of_us
from governance.contracts.policy.promises import Unreadable
from governance.files import Base

_OUTSIDE: Final = "the configuration in use lies outside of the project, so its past is not known"


def configuration_at(base: Base, now: str) -> tuple[str, bytes] | None:
    """Path and content of what was configured at the base, None if nothing was. Raises Unreadable.

    It is the file of the same path; else the one of its folder or of the root that goes by one of our names.
    """
    if not now:
        raise Unreadable(_OUTSIDE)
    if (same := _held(base, now)) is not None:
        return now, same
    folder = now.rpartition("/")[0]
    for place in dict.fromkeys((f"{folder}/" if folder else "", "")):
        for name in FILE_NAMES:
            if (content := _held(base, place + name)) is not None:
                return place + name, content
    elsewhere = sorted(path for path in base.paths if path.rpartition("/")[2] == "governance.toml")
    if elsewhere:
        raise Unreadable(f"{now} is new, and the base had its configuration elsewhere: {', '.join(elsewhere)}")
    return None


def _held(base: Base, path: str) -> bytes | None:
    content = base.read([path]).get(path)
    name = path.rpartition("/")[2]
    ours = content is not None and (name not in FILE_NAMES or speaks_of_us(name, content))
    return content if ours else None
