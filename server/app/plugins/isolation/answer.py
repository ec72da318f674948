"""What a plugin process answered. The process is the plugin's, so nothing in it is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from server.app.plugins.errors.clean import MAX_TEXT, clean_details, clean_text
from server.app.plugins.errors.exceptions import ErrorType, HostedPluginError
from server.app.plugins.lifecycle import LifecycleState

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
        clean_details(error.get("details")),
        traceback=clean_text(answer["traceback"], 5 * MAX_TEXT),
        state=state,
    )


def _kind(value: object) -> ErrorType:
    return next((kind for kind in _FROM_A_PLUGIN if kind.value == value), ErrorType.PLUGIN_ERROR)
