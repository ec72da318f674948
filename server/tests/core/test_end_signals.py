"""A process that is told to end."""

from __future__ import annotations

import subprocess
import sys

import pytest

CODE = """
import signal, time
from server.app.core.end_signals import leave_when_told

leave_when_told()
try:
    signal.raise_signal({number})
finally:
    for again in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.raise_signal(again)
    print("in order")
    time.sleep(0.6)
    try:
        signal.raise_signal(signal.SIGTERM)
        print("waits for long")
    finally:
        time.sleep(0.6)
        signal.raise_signal(signal.SIGTERM)
        print("in order")
"""


@pytest.mark.requirement("R-044")
@pytest.mark.parametrize("number", ["signal.SIGTERM", "signal.SIGINT", "signal.SIGHUP"])
def test_who_is_told_again_waits_no_more_and_ends_in_order(number: str) -> None:
    command = [sys.executable, "-c", CODE.format(number=number)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "in order\nin order\n", "")
