"""The folder of the server's state: made if need be, and used by one server at a time."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from server.app.core.start_error import StartError

_CODE: Final = tuple(Path(place).resolve() for place in (__file__, sys.prefix, sys.base_prefix))


def make_data_folder(folder: Path) -> None:
    """If it is not there; for its owner alone, since payloads and results are kept in it. Raises ``OSError``."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextmanager
def data_folder(folder: Path) -> Iterator[Path]:
    """The folder, for this process alone while the block runs; the kernel gives it up when the process dies.

    Raises:
        StartError: it cannot be made or written, another server uses it, or it holds more than what is the server's.
    """
    if any(code.is_relative_to(folder.resolve()) for code in _CODE):
        reason = "holds code that plugins are made of, and they may read nothing in it; choose a folder of its own"
        raise StartError(f"the data folder {folder} {reason}")
    try:
        make_data_folder(folder)
        lock = (folder / "server.lock").open("ab")
    except OSError as error:
        raise StartError(f"cannot use the data folder {folder}: {error.strerror}; choose another one") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"the data folder {folder} is used by another server; stop it or choose another") from None
        yield folder
