"""The seam between ToolRunner and the processes that plugins run in."""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from server.app.core.execution_context import Cancellation
from server.app.plugins.plugin import PluginSpec

_FOLDERS: Final = re.compile(r"(?<![\w/])(?:/[^\s/'\"()<>]+)+/(?=[^\s/'\"()<>])")


class Isolation(Protocol):
    """Runs plugins somewhere they can be limited, timed out and killed."""

    def load(self, reference: str) -> PluginSpec:
        """Load the plugin that ``module:attribute`` names, away from this process.

        Raises:
            PluginLoadError: it could not be loaded; the message is the reason.
        """
        ...

    def call(self, spec: PluginSpec, payload: dict[str, Any], cancellation: Cancellation) -> Any:
        """What the plugin returned; nothing of the execution is left when this returns or raises.

        Raises:
            HostedPluginError: the plugin failed.
            PluginProcessDied: its process ended, or answered nonsense.
            ExecutionTimeout, ExecutionCancelled, LimitExceeded: it was stopped.
        """
        ...

    def close(self) -> None: ...


class PluginLoadError(Exception):
    """A plugin could not be loaded; the message is the reason shown to people, without the folders of the files that it
    names. ``full`` has them, for the log."""

    def __init__(self, reason: str) -> None:
        super().__init__(_FOLDERS.sub("", reason))
        self.full = reason


class PluginLoadKilled(PluginLoadError):
    """Somebody killed the process in which it was loaded, which says nothing of the plugin."""
