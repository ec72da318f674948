"""A task that cannot go on says why in one line."""


class TaskFailure(Exception):
    """What went wrong and how to get out of it, in one line for the user."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        super().__init__(message)
        self.exit_code = exit_code
