"""Sends malformed requests to a server of its own on the loopback and checks every answer.

No answer may have a status of 500 or above, and every error must be the envelope and give nothing away.

    python benchmarks/malformed_requests.py [--count 100000] [--seed 7]
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1]))

from server.tests.live.malformed import malformed_requests, send_malformed
from server.tests.live.server_process import ServerProcess


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", LOG_LEVEL="ERROR") as server:
        address = urlsplit(server.url)
        before, memory_before, files_before = cpu(server), memory(server), open_files(server)
        started = time.perf_counter()
        requests = islice(malformed_requests(given.seed), given.count)
        tally = asyncio.run(
            send_malformed(str(address.hostname), int(address.port or 0), requests, at_once=16, patience=3.0)
        )
        seconds = time.perf_counter() - started
        alive = server.client.get("/v1/health").status_code == 200
        print(f"{given.count} malformed requests, seed {given.seed}, in {seconds:.0f} s")
        print(f"  server: {(cpu(server) - before) / given.count * 1000:.3f} CPU s per 1000 requests,")
        print(
            f"    memory {memory_before:.0f} -> {memory(server):.0f} MB, files {files_before} -> {open_files(server)}"
        )
        for status, count in sorted(tally.statuses.items()):
            print(f"  {status}  {count:>7}")
        print(f"  without an answer (cut short, or refused by the connection's end)  {tally.unanswered}")
        print(f"  at fault  {len(tally.faults)}")
        for fault in tally.faults[:20]:
            print(f"    {fault}")
    return 0 if alive and not tally.faults else 1


def cpu(server: ServerProcess) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def memory(server: ServerProcess) -> float:
    """Resident, in megabytes."""
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def open_files(server: ServerProcess) -> int:
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


if __name__ == "__main__":
    sys.exit(main())
