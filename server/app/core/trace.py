"""W3C trace context (https://www.w3.org/TR/trace-context/): which request, over all services, something belongs to."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, NamedTuple

_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_NUMBERS: Final = random.Random()  # noqa: S311  # ids that are to be different, not secret; a system call costs more
_ZEROS: Final = re.compile("0+")


class Trace(NamedTuple):
    """The ids in hexadecimal digits: 32 of the trace, 16 of this server's part in it; ``flags`` are two digits."""

    trace_id: str
    span_id: str
    flags: str = "00"

    def header(self) -> str:
        """The value of ``traceparent`` or ``traceresponse``."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def trace_of(traceparent: str | None) -> Trace:
    """This server's part in the caller's trace; in a new one if the caller sent none, or none that is valid."""
    fresh = f"{_NUMBERS.getrandbits(192):048x}"
    if traceparent is not None:
        found = _FORM.fullmatch(traceparent)
        if found is not None:
            version, trace_id, parent_id, flags, more = found.groups()
            known = version != "ff" and not (version == "00" and more)
            if known and not _ZEROS.fullmatch(trace_id) and not _ZEROS.fullmatch(parent_id):
                return Trace(trace_id, fresh[:16], "01" if int(flags, 16) & 1 else "00")
    return Trace(fresh[:32], fresh[32:])


_current: ContextVar[Trace | None] = ContextVar("trace", default=None)


def current_trace() -> Trace | None:
    return _current.get()


def set_trace(trace: Trace) -> None:
    """For the current context: a request's task, and the threads that it sends its work to."""
    _current.set(trace)


@contextmanager
def trace_scope(traceparent: str | None) -> Iterator[None]:
    """Let the block belong to the trace of this header; to none, if there is none."""
    token = _current.set(None if traceparent is None else trace_of(traceparent))
    try:
        yield
    finally:
        _current.reset(token)
