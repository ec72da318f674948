"""Why the server cannot start, or ended, in one line for the person who starts it."""

from __future__ import annotations

import logging
import sys

from server.app.core.late_lines import LateLines


class StartError(Exception):
    """The message says what is wrong and what to do."""


def say(text: str) -> None:
    """One line for the person who started the server, after what the log was told before."""
    line = f"server: {text}"
    logs = [handler for handler in logging.getLogger().handlers if isinstance(handler, LateLines)]
    for log in logs:
        log.say(line)
    if not logs and sys.stderr is not None:  # it is closed
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
