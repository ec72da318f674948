"""Which files, ports and processes a plugin process can reach, as a domain that the kernel keeps it in.

Everything is forbidden but what is granted. What a domain can hold grew with the kernel: version 1 files,
3 truncation, 4 TCP ports, 5 device control, 6 signals and abstract sockets.

Source: the kernel's Documentation/userspace-api/landlock.rst and linux/landlock.h.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

_CREATE_RULESET: Final = 444  # the three have the same numbers on every processor
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_FILE_ONLY: Final = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ALL_FILE_RIGHTS: Final = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_BIND_AND_CONNECT: Final = 0b11
_ABSTRACT_SOCKETS_AND_SIGNALS: Final = 0b11

LIST: Final = _READ_DIR
READ: Final = _READ_FILE | _READ_DIR | _EXECUTE
WRITE: Final = READ | _WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER
USE_DEVICE: Final = _READ_FILE | _WRITE_FILE

Grant = tuple[str, int]


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("ports", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """What the kernel offers; 0 for nothing."""
    found: int = ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION)
    return max(0, found)


def restrict(grants: Iterable[Grant], *, network: bool) -> None:
    """Keep this thread, and all that it will start, to ``grants``; needs no-new-privileges.

    A path that does not exist grants nothing. With ``network`` TCP ports are not looked at.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    offered = version()
    handled = _ALL_FILE_RIGHTS[min(offered, max(_ALL_FILE_RIGHTS))]
    ports = _BIND_AND_CONNECT if offered >= 4 and not network else 0
    ruleset = _Ruleset(handled, ports, _ABSTRACT_SOCKETS_AND_SIGNALS if offered >= 6 else 0)
    size = 8 if offered < 4 else 16 if offered < 6 else 24
    domain = _checked(libc.syscall(_CREATE_RULESET, ctypes.byref(ruleset), size, 0))
    try:
        for path, rights in grants:
            with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                _grant(libc, domain, path, rights & handled)
        _checked(libc.syscall(_RESTRICT_SELF, domain, 0))
    finally:
        os.close(domain)


def _grant(libc: ctypes.CDLL, domain: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= _FILE_ONLY
        if rights:
            rule = _PathBeneath(rights, place)
            _checked(libc.syscall(_ADD_RULE, domain, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock refused: {os.strerror(number)}")
    return result
