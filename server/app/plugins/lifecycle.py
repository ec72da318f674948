"""Lifecycle of a plugin: the only states there are, and the moves between them.

A state says whether a plugin can be called and how it fares. How one execution ended is an outcome
(see the registry's counters), never a state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class LifecycleState(StrEnum):
    LOADED = "LOADED"
    INITIALIZED = "INITIALIZED"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    UNAVAILABLE = "UNAVAILABLE"


TRANSITIONS: Final[dict[LifecycleState, frozenset[LifecycleState]]] = {
    LifecycleState.LOADED: frozenset(
        {LifecycleState.INITIALIZED, LifecycleState.RUNNING, LifecycleState.FAILED, LifecycleState.UNAVAILABLE}
    ),
    LifecycleState.INITIALIZED: frozenset({LifecycleState.RUNNING, LifecycleState.FAILED, LifecycleState.UNAVAILABLE}),
    LifecycleState.RUNNING: frozenset({LifecycleState.INITIALIZED, LifecycleState.FAILED, LifecycleState.UNAVAILABLE}),
    LifecycleState.FAILED: frozenset({LifecycleState.INITIALIZED, LifecycleState.RUNNING, LifecycleState.UNAVAILABLE}),
    LifecycleState.UNAVAILABLE: frozenset({LifecycleState.LOADED}),
}


class IllegalTransition(ValueError):
    """A move that the table does not list."""

    def __init__(self, plugin_name: str, state: LifecycleState, to: LifecycleState) -> None:
        allowed = ", ".join(sorted(TRANSITIONS[state]))
        super().__init__(
            f"plugin {plugin_name!r} cannot move from {state} to {to}; from {state} it can move to {allowed}"
        )


def moved(plugin_name: str, state: LifecycleState, to: LifecycleState) -> LifecycleState:
    """``to``, if the table allows it from ``state``.

    Raises:
        IllegalTransition: it does not.
    """
    if to not in TRANSITIONS[state]:
        raise IllegalTransition(plugin_name, state, to)
    return to
