"""The automaton a contract runs along every path: what is owed at each point, and what counts as broken at an exit."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

Mode = Literal["finally", "after", "every-exit", "before", "around"]

TRIGGER: Final = "trigger"
DUTY: Final = "duty"
OPEN: Final = "open"
CLOSE: Final = "close"

FREE: Final = "nothing owed"
OWED: Final = "owed"
PAID: Final = "paid"
TWICE: Final = "paid twice"
AGAIN: Final = "owed twice"
BARE: Final = "done without"
DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class Automaton:
    """States are words; an event without an entry in `table` changes nothing.

    owing: states in which the function must not be left. wrong: states that nothing can mend.
    attempt: whether starting the duty is enough, or only its normal end counts.
    settled: states to end well in that nothing changes any more, where what is called need not be followed.
    """

    start: str
    table: dict[tuple[str, str], str]
    owing: frozenset[str]
    wrong: frozenset[str]
    attempt: bool = True
    settled: frozenset[str] = frozenset()

    def move(self, state: str, event: str) -> str:
        """The state after an event."""
        return self.table.get((state, event), state)


def automaton(mode: Mode, has_trigger: bool, once: bool, each: bool) -> Automaton:
    """The automaton of a mode.

    has_trigger: the duty is owed after a certain call only. once: paying twice is wrong.
    each: every trigger needs a duty of its own.
    """
    if mode == "before":
        ready = FREE if each else PAID
        table = {(FREE, DUTY): PAID, (FREE, TRIGGER): BARE, (PAID, TRIGGER): ready}
        if once:
            table[PAID, DUTY] = TWICE
        return Automaton(FREE, table, frozenset(), frozenset((BARE, TWICE)), attempt=False)
    if mode == "around":
        levels = [FREE, *(f"inside {number}" for number in range(1, DEPTH + 1))]
        table = {(FREE, TRIGGER): BARE}
        for outer, inner in pairwise(levels):
            table[outer, OPEN] = inner
            table[inner, CLOSE] = outer
        return Automaton(FREE, table, frozenset(), frozenset((BARE,)))
    table = {(OWED, DUTY): PAID, (FREE, DUTY): PAID, (PAID, TRIGGER): OWED, (FREE, TRIGGER): OWED}
    if each:
        table[OWED, TRIGGER] = AGAIN
    if once:
        table[PAID, DUTY] = TWICE
    conditional = has_trigger and mode != "every-exit"
    start = FREE if conditional else "due"
    if not conditional:
        table["due", DUTY] = PAID
    settled = frozenset(() if once or has_trigger else (PAID,))
    return Automaton(start, table, frozenset((OWED, "due")), frozenset((TWICE, AGAIN)), settled=settled)
