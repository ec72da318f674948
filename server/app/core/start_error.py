"""Why the server cannot start, in one line for the person who starts it."""

from __future__ import annotations

import sys


class StartError(Exception):
    """The message says what is wrong and what to do."""


def say(text: str) -> None:
    """One line for the person who started the server."""
    sys.stderr.write(f"server: {text}\n")
    sys.stderr.flush()
