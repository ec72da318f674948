"""The ids of a trace: taken over when they are valid, made when they are not."""

from __future__ import annotations

import re

import pytest

from server.app.core.trace import trace_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("flags", "header"),
    [
        ("01", f"00-{TRACE}-{PARENT}-01"),
        ("00", f"00-{TRACE}-{PARENT}-00"),
        ("01", f"00-{TRACE}-{PARENT}-ff"),
        ("01", f"cc-{TRACE}-{PARENT}-01"),
        ("01", f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like"),
    ],
)
def test_a_valid_trace_is_taken_over(flags: str, header: str) -> None:
    trace = trace_of(header)
    assert (trace.trace_id, trace.flags) == (TRACE, flags)
    assert trace.span_id != PARENT
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-{flags}", trace.header())


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "nonsense",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f" 00-{TRACE}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01\n",
        f"00-{TRACE}-{PARENT}-01, 00-{TRACE}-{PARENT}-01",
        "x" * 100_000,
    ],
    ids=lambda header: repr(header)[:60],
)
def test_anything_else_begins_a_new_trace(header: str | None) -> None:
    first, second = trace_of(header), trace_of(header)
    assert first.trace_id not in (TRACE, second.trace_id)
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-00", first.header())
