"""Why the server cannot start, or ended, in one line for the person who starts it."""

from __future__ import annotations

import logging
import sys


class StartError(Exception):
    """The message says what is wrong and what to do."""


def say(text: str) -> None:
    """One line for the person who started the server, after what the log was told before."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stderr.write(f"server: {text}\n")
    sys.stderr.flush()
