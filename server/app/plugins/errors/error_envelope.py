"""The one shape of every error, and the one classifier that puts an exception into it.

``{"error": {type, message, details, plugin, timestamp}, "_internal": {"traceback"}}``; ``_internal``
stays inside the server.
"""

from __future__ import annotations

import errno
import traceback
from collections.abc import Mapping
from typing import Any, Final

from server.app.core.clock import utc_now
from server.app.plugins.errors.clean import clean_details, clean_text
from server.app.plugins.errors.exceptions import ErrorType, ExecutionLayerError, HostedPluginError

MAX_TRACEBACK_FRAMES: Final = 50
_FAILED: Final = "the plugin failed"

CATEGORIES: Final[dict[ErrorType, str]] = {
    ErrorType.VALIDATION_ERROR: "VALIDATION_ERROR",
    ErrorType.NOT_FOUND: "VALIDATION_ERROR",
    ErrorType.PERMISSION_DENIED: "VALIDATION_ERROR",
    ErrorType.PLUGIN_ERROR: "TOOL_ERROR",
    ErrorType.EXECUTION_ERROR: "TOOL_ERROR",
    ErrorType.TIMEOUT_ERROR: "TOOL_ERROR",
    ErrorType.CANCELLED: "TOOL_ERROR",
    ErrorType.RESOURCE_LIMIT: "SYSTEM_ERROR",
    ErrorType.INTERNAL_ERROR: "SYSTEM_ERROR",
}


def public_error(
    error_type: ErrorType, message: str, *, details: Mapping[str, Any] | None = None, plugin: str | None = None
) -> dict[str, Any]:
    """The part of the envelope that a client may see."""
    return {
        "error": {
            "type": error_type.value,
            "message": message,
            "details": dict(details or {}),
            "plugin": plugin,
            "timestamp": utc_now().isoformat(),
        }
    }


def build_error_envelope(failure: BaseException, plugin: str | None, *, in_plugin: bool) -> dict[str, Any]:
    """The whole envelope of an exception that ended an execution.

    ``in_plugin`` says that the plugin was running when it was raised; an exception of any other origin that
    is not ours is a defect of the server. What the plugin says itself is made plain, whatever it holds.
    """
    try:
        error_type, message, details = classify(failure, in_plugin=in_plugin)
        if in_plugin:
            message, details = clean_text(message) or _FAILED, clean_details(details)
    except AttributeError:  # the plugin's own class of ours did not call the constructor
        error_type, message, details = ErrorType.PLUGIN_ERROR, _FAILED, {}
    envelope = public_error(error_type, message, details=details, plugin=plugin)
    envelope["_internal"] = {"traceback": traceback_of(failure)}
    return envelope


def classify(failure: BaseException, *, in_plugin: bool) -> tuple[ErrorType, str, Mapping[str, Any]]:
    """Type, message and details for the caller, by the exception's class and never by its text."""
    if isinstance(failure, HostedPluginError):
        return failure.error_type, failure.message, failure.details
    if isinstance(failure, ExecutionLayerError):
        return failure.type, failure.message, failure.details
    if not in_plugin:
        return ErrorType.INTERNAL_ERROR, "the server failed to carry out the execution", {}
    name = type(failure).__name__
    details = {"exception": name}
    if isinstance(failure, OSError) and type(failure.errno) is int and failure.errno in errno.errorcode:
        details["errno"] = errno.errorcode[failure.errno]
    if isinstance(failure, MemoryError):
        return ErrorType.RESOURCE_LIMIT, "the plugin ran out of memory", details
    if isinstance(failure, RecursionError):
        return ErrorType.PLUGIN_ERROR, "the plugin recursed too deeply", details
    if isinstance(failure, SystemExit | KeyboardInterrupt | GeneratorExit):
        return ErrorType.PLUGIN_ERROR, f"the plugin tried to end its process ({name})", details
    return ErrorType.PLUGIN_ERROR, f"the plugin raised {name}", details


def traceback_of(failure: BaseException) -> str:
    """The traceback as text, from the exception object, so that it works outside of ``except`` too."""
    if isinstance(failure, HostedPluginError):
        return failure.traceback
    try:
        return "".join(traceback.format_exception(failure, limit=MAX_TRACEBACK_FRAMES))
    except Exception:  # noqa: BLE001  # the exception's own __str__ or __cause__ may be hostile
        return f"{type(failure).__name__} (its traceback could not be written)"
