"""What a file may cost is enforced in the process itself, whatever code runs there."""

import signal
import subprocess
import sys

import pytest

PROGRAM = """
from governance import limits
limits.SECONDS, limits.BYTES = 0.05, 50_000_000
limits.SECONDS_PER_BYTE = limits.BYTES_PER_BYTE = 0
try:
    with limits.limited(100):
        {inside}
except MemoryError:
    print("no memory")
sum(range(3_000_000))
print(len(bytes(80_000_000)))
"""
COSTS = [
    ("nothing", "pass", 0, "80000000"),
    ("memory", "bytes(80_000_000)", 0, "no memory\n80000000"),
    ("time in Python", "while True: pass", -signal.SIGPROF, ""),
    ("time in native code", "sum(range(10**12))", -signal.SIGPROF, ""),
]


@pytest.mark.parametrize(("inside", "code", "out"), [row[1:] for row in COSTS], ids=[row[0] for row in COSTS])
def test_more_than_allowed_ends_it_and_only_that(inside: str, code: int, out: str) -> None:
    command = [sys.executable, "-c", PROGRAM.format(inside=inside)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (code, out), done.stderr
