"""What a process does when it is told to end: before it works, when it works, and when it is told once more."""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import Final

_SAME_SECONDS: Final = 0.5
"""What comes again so soon is no second wish: ``timeout``, for one, sends its signal to the process and its group."""


ENDING: Final = (signal.SIGTERM, signal.SIGINT)


def leave_when_told() -> None:
    """Until somebody else handles these signals, end without further ado, whatever is waited for at the time.

    Told again, it is torn out of what it waits for on its way; not by what comes at once, nor ever after that, or it
    would not end in order. A terminal that goes away tells a process to end, as SIGTERM does, unless it was started to
    stay (``nohup``).
    """
    signals = EndSignals()

    def leave(_signal: int, _frame: FrameType | None) -> None:
        if signals.receive():
            sys.exit(0)

    for number in ENDING:
        signal.signal(number, leave)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda _signal, _frame: signal.raise_signal(signal.SIGTERM))


def end_undisturbed() -> None:
    """The rest is the interpreter's, which would hand a signal that comes now to the system: an end by a signal."""
    for number in (*ENDING, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


class EndSignals:
    """``told`` once, the process lets what is under way end; ``told_again``, it does not wait for that."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.told_again = threading.Event()
        self._at = 0.0

    def receive(self) -> bool:
        """To be called for every signal; whether it says something new."""
        now = time.monotonic()
        if not self.told.is_set():
            self._at = now
            self.told.set()
            return True
        if self.told_again.is_set() or now - self._at <= _SAME_SECONDS:
            return False
        self.told_again.set()
        return True
