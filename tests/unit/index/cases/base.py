"""What the other cases are about."""

from enum import Enum


def reveal(value: object) -> None:
    """Marks an expression whose values are compared."""


class Job:
    name = "job"

    def execute(self, payload: dict) -> dict:
        return payload


class Copy(Job):
    pass


class Move(Job):
    pass


class Other:
    pass


class Color(Enum):
    RED = "red"
    BLUE = "blue"
