"""What a plugin process answered. The process is the plugin's, so nothing in it is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from server.app.plugins.errors.exceptions import ErrorType, HostedPluginError
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.validation.json_text import to_json_text

MAX_TEXT: Final = 4000
_FROM_A_PLUGIN: Final = frozenset({ErrorType.VALIDATION_ERROR, ErrorType.PLUGIN_ERROR, ErrorType.RESOURCE_LIMIT})
ANSWER_KEYS: Final = frozenset({"result", "error", "traceback", "state"})


def json_object(body: bytes) -> dict[str, Any]:
    """Raises ``ValueError`` if the bytes are no JSON object."""
    try:
        value = json.loads(body)
    except (RecursionError, UnicodeDecodeError):
        raise ValueError("not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def failure_in(answer: Mapping[str, Any]) -> HostedPluginError | None:
    """The failure that an answer reports."""
    error = answer["error"]
    if error == {}:
        return None
    if not isinstance(error, dict):
        error = {}
    kind = _kind(error.get("type"))
    if answer["state"] == LifecycleState.UNAVAILABLE.value:
        state = LifecycleState.UNAVAILABLE
    elif kind is ErrorType.VALIDATION_ERROR:
        state = LifecycleState.RUNNING
    else:
        state = LifecycleState.FAILED
    return HostedPluginError(
        kind,
        clean_text(error.get("message")) or "the plugin failed",
        _clean_details(error.get("details")),
        traceback=clean_text(answer["traceback"], 5 * MAX_TEXT),
        state=state,
    )


def clean_text(value: object, limit: int = MAX_TEXT) -> str:
    """A text that can be stored, sent and shown; empty if it is none."""
    return value[:limit].encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _kind(value: object) -> ErrorType:
    return next((kind for kind in _FROM_A_PLUGIN if kind.value == value), ErrorType.PLUGIN_ERROR)


def _clean_details(value: object) -> dict[str, Any]:
    try:
        small = isinstance(value, dict) and len(to_json_text(value)) <= MAX_TEXT
    except ValueError:
        small = False
    return value if small and isinstance(value, dict) else {}
