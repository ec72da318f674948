"""A real worker without a server, in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from server.tests.live.server_process import ROOT, children_of

_READY: Final = "waiting for jobs"


class WorkerProcess:
    """``python -m server worker``; ends with the block. ``variables`` are settings without ``CTS_``."""

    def __init__(self, folder: Path, variables: Mapping[str, str], jobs: int = 2) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / "stderr.txt"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "server", "worker", "--jobs", str(jobs)],
                cwd=ROOT,
                env=os.environ | {f"CTS_{name}": value for name, value in variables.items()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def ready(self, times: int = 1, seconds: float = 60.0) -> Self:
        """Returns when it waits for jobs, for the first time or, after as many losses of the queue, once more."""
        deadline = time.monotonic() + seconds
        while self.log.read_text("utf-8").count(_READY) < times:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the worker did not start:\n{self.log.read_text('utf-8')}")
            time.sleep(0.02)
        return self

    def executed(self) -> int:
        """How many executions it has logged."""
        return self.log.read_text("utf-8").count(" outcome=")

    def is_called(self, name: str) -> bool:
        """Whether this is the worker of that name in the job table."""
        return f"this is worker {name}" in self.log.read_text("utf-8")

    def children(self) -> set[int]:
        return children_of(self.process.pid)

    def stop(self) -> int:
        """End it as a service manager does; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
