"""A task that cannot go on says why in one line."""

from collections.abc import Sequence


class TaskFailure(Exception):
    """What went wrong and how to get out of it, in one line for the user."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def refuse(words: Sequence[str]) -> None:
    """Raise TaskFailure when there are words that the task does not know."""
    if words:
        raise TaskFailure(f"this task does not take {' '.join(words)}")
