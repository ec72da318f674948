"""The folder that holds what the plugins of one process write; what killed processes left of theirs is removed.

It is locked as long as its process lives, which the kernel sees to, whatever kills the process.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from server.app.plugins.isolation.scratch import remove_folder

PREFIX: Final = "cts-scratch-"


class ScratchRoot:
    """A new folder among the temporary files; ``close`` removes it with all that is in it."""

    def __init__(self) -> None:
        remove_left_behind(Path(tempfile.gettempdir()))
        self._make()

    def restore(self) -> None:
        """Make another one if somebody has cleaned this one away."""
        if not Path(self.path).is_dir():
            os.close(self._lock)
            self._make()

    def _make(self) -> None:
        while True:
            self.path = tempfile.mkdtemp(prefix=PREFIX)
            try:
                self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except FileNotFoundError:
                continue  # somebody took it for left behind at once
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if os.fstat(self._lock).st_nlink:
                return
            os.close(self._lock)  # somebody took it for left behind before it was locked

    def close(self) -> None:
        """Again does nothing."""
        if self._lock >= 0:
            remove_folder(self.path)
            os.close(self._lock)
            self._lock = -1


def remove_left_behind(parent: Path) -> list[str]:
    """Remove the folders of this user whose processes are dead; the names of those that were there."""
    removed = []
    with os.scandir(parent) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
    for name in names:
        with suppress(OSError):  # in use, gone meanwhile, or not ours to open
            folder = os.open(parent / name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(folder).st_uid == os.geteuid():
                    fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    remove_folder(str(parent / name))
                    removed.append(name)
            finally:
                os.close(folder)
    return removed
