"""The errors of the execution layer: types with data. ``error_envelope`` makes the answer of them.

The message of an ``ExecutionLayerError`` is written for the caller: it holds no path, no traceback and
no text of a foreign exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

from server.app.plugins.lifecycle import LifecycleState


class ErrorType(StrEnum):
    """The closed set of values of ``error.type``."""

    VALIDATION_ERROR = "ValidationError"
    PLUGIN_ERROR = "PluginError"
    EXECUTION_ERROR = "ExecutionError"
    TIMEOUT_ERROR = "TimeoutError"
    CANCELLED = "Cancelled"
    RESOURCE_LIMIT = "ResourceLimit"
    NOT_FOUND = "NotFound"
    PERMISSION_DENIED = "PermissionDenied"
    INTERNAL_ERROR = "InternalError"


class ExecutionLayerError(Exception):
    """Base of all errors that we raise on purpose."""

    type: ClassVar[ErrorType] = ErrorType.INTERNAL_ERROR
    blames_plugin: ClassVar[bool] = False

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})


class InputValidationError(ExecutionLayerError):
    """The caller's payload is not what the plugin asked for."""

    type = ErrorType.VALIDATION_ERROR


class PluginError(ExecutionLayerError):
    """The plugin failed by its own fault."""

    type = ErrorType.PLUGIN_ERROR
    blames_plugin = True


class OutputValidationError(PluginError):
    """The plugin returned something other than it declared."""


class PluginUnavailable(ExecutionLayerError):
    """The plugin is known but cannot be called."""

    type = ErrorType.PLUGIN_ERROR

    def __init__(self, plugin_name: str, reason: str) -> None:
        super().__init__(f"plugin {plugin_name!r} is not available: {reason}")


class MissingDependency(PluginError):
    """Raised by a plugin whose library or program is not there; the plugin becomes UNAVAILABLE."""


class PluginNotFound(ExecutionLayerError):
    type = ErrorType.NOT_FOUND

    def __init__(self, plugin_name: str, known: Sequence[str]) -> None:
        super().__init__(f"no plugin named {plugin_name!r}", {"available": list(known)})


class PluginProcessDied(ExecutionLayerError):
    """The process that ran the plugin ended without an answer."""

    type = ErrorType.EXECUTION_ERROR
    blames_plugin = True


class ExecutionTimeout(ExecutionLayerError):
    type = ErrorType.TIMEOUT_ERROR
    blames_plugin = True

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the execution was stopped after its limit of {seconds:g} s", {"timeout_seconds": seconds})


class ExecutionCancelled(ExecutionLayerError):
    type = ErrorType.CANCELLED

    def __init__(self) -> None:
        super().__init__("the execution was cancelled")


class PermissionDenied(ExecutionLayerError):
    type = ErrorType.PERMISSION_DENIED


class LimitExceeded(ExecutionLayerError):
    """The execution wanted more memory or more output than it may have."""

    type = ErrorType.RESOURCE_LIMIT
    blames_plugin = True


class HostedPluginError(ExecutionLayerError):
    """A failure that the plugin's own process has put into an envelope already."""

    def __init__(
        self,
        error_type: ErrorType,
        message: str,
        details: Mapping[str, Any],
        *,
        traceback: str,
        state: LifecycleState,
    ) -> None:
        super().__init__(message, details)
        self.error_type = error_type
        self.traceback = traceback
        self.state = state
