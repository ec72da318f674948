"""What a plugin says of its own failure, in a form that can be stored, sent and shown."""

from __future__ import annotations

from typing import Any, Final

from server.app.plugins.validation.json_text import as_json, to_json_text

MAX_TEXT: Final = 4000


def clean_text(value: object, limit: int = MAX_TEXT) -> str:
    """A text that can be stored, sent and shown; empty if it is none."""
    return value[:limit].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def clean_details(value: object) -> dict[str, Any]:
    """The same for a dictionary; empty if it is none, is no JSON, or is larger than a text may be."""
    try:
        small = isinstance(value, dict) and len(to_json_text(value)) <= MAX_TEXT
        return dict(as_json(value)) if small else {}
    except ValueError:
        return {}
