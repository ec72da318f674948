"""States of a job, the moves between them, and nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class JobState(StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    FAILED = "FAILED"


TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.PENDING: frozenset({JobState.RUNNING, JobState.FAILED}),
    JobState.RUNNING: frozenset({JobState.SUCCESS, JobState.FAILED}),
    JobState.SUCCESS: frozenset(),
    JobState.FAILED: frozenset(),
}

FINAL_STATES: Final = frozenset(state for state, following in TRANSITIONS.items() if not following)
