"""Why the server cannot start, in one line for the person who starts it."""

from __future__ import annotations


class StartError(Exception):
    """The message says what is wrong and what to do."""
