"""The folder that one plugin process may write to; empty at the start of every call."""

from __future__ import annotations

import os
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICK_NS: Final = 50_000_000
"""Longer than the steps in which the kernel counts the times of files."""

_COARSE_TICK_NS: Final = 2_500_000_000
"""The same where a file system keeps whole seconds (ext4 with small inodes) or every second one."""


class Scratch:
    """A new folder below ``parent``; ``remove`` must follow."""

    def __init__(self, parent: str) -> None:
        self.path = tempfile.mkdtemp(dir=parent)
        self._empty_since = 0

    def empty(self) -> bool:
        """Delete what is in it; says whether nothing is left. The plugin must be dead or idle.

        A folder that has not been changed since it was empty is not looked into. The time of its last change is the
        kernel's: unlike that of what is in it, no process can set it.
        """
        try:
            changed = os.lstat(self.path).st_ctime_ns
            if changed == self._empty_since:
                return True
            _empty(self.path)  # ends when it finds nothing more
            changed = os.lstat(self.path).st_ctime_ns
        except OSError:
            return False
        # Two changes within one step have the same time.
        step = _TICK_NS if changed % 1_000_000_000 else _COARSE_TICK_NS
        self._empty_since = changed if time.time_ns() - changed > step else 0
        return True

    def remove(self) -> None:
        remove_folder(self.path)


def remove_folder(path: str) -> None:
    """Delete a folder whatever a plugin has done to what is in it, as far as that can be done."""
    with suppress(OSError):
        _empty(path)
        Path(path).rmdir()


def _empty(path: str) -> None:
    """Folders are lifted to the top before they are emptied, so no depth of theirs costs stack or descriptors.

    Everything goes by descriptor and follows no link: a plugin that is not as idle as it should be must not
    turn this into a change of somebody else's files.
    """
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        while names := _names(top):
            for name in names:
                if _is_folder(name, top):
                    _lift(name, top)
                else:
                    os.unlink(name, dir_fd=top)
    finally:
        os.close(top)


def _lift(name: str, top: int) -> None:
    """Delete the folder ``name`` after moving the folders in it beside it."""
    folder = _opened(name, top)
    try:
        for inner in _names(folder):
            if _is_folder(inner, folder):
                os.close(_opened(inner, folder))  # a folder that may not be written cannot be moved
                os.rename(inner, f"lifted-{os.urandom(8).hex()}", src_dir_fd=folder, dst_dir_fd=top)
            else:
                os.unlink(inner, dir_fd=folder)
    finally:
        os.close(folder)
    os.rmdir(name, dir_fd=top)


def _names(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries]


def _is_folder(name: str, parent: int) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _opened(name: str, parent: int) -> int:
    """A descriptor of a folder, made ours to read and write first, whatever its plugin forbade."""
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{place}").chmod(0o700)
        return os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=place)
    finally:
        os.close(place)
