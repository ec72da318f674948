"""Identifiers of jobs and of server processes."""

from __future__ import annotations

import re
import uuid
from typing import Final

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def new_id() -> str:
    return str(uuid.uuid4())


def is_id(text: str) -> bool:
    """Whether ``text`` could be one of ours; what could not be needs no look into the database."""
    return _ID.fullmatch(text) is not None
