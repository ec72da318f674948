"""Tries to get out, and tells how each attempt ended: the name of the error, or ``done``."""

import ctypes
import errno
import os
import resource
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from server.app.plugins.plugin import PluginSpec


def _system_call(number: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "refused")


ATTEMPTS: dict[str, Callable[[str], Any]] = {
    "reads": lambda path: Path(path).read_bytes(),
    "lists": os.listdir,
    "writes": lambda path: Path(path).write_text("x", "ascii"),
    "truncates": lambda path: os.truncate(path, 0),
    "removes": os.unlink,
    "links": lambda path: os.link(__file__, path),
    "opens_tcp": lambda _: socket.socket(socket.AF_INET, socket.SOCK_STREAM).close(),
    "opens_udp": lambda _: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close(),
    "opens_unix": lambda _: socket.socket(socket.AF_UNIX).close(),
    "opens_packet": lambda _: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close(),
    "has_pair": lambda _: socket.socketpair()[0].close(),
    "forks": lambda _: os.fork() or os._exit(0),
    "executes": lambda _: os.execv("/bin/true", ["true"]),
    "stops_parent": lambda _: os.kill(os.getppid(), signal.SIGSTOP),
    "probes_parent": lambda _: os.kill(os.getppid(), 0),
    "signals_all": lambda _: os.kill(-1, 0),
    "signals_init": lambda _: os.kill(1, 0),
    "signals_itself": lambda _: os.kill(os.getpid(), 0),
    "traces_parent": lambda _: _system_call(101, 16, os.getppid(), 0, 0),
    "reads_memory_of_parent": lambda _: Path(f"/proc/{os.getppid()}/mem").read_bytes(),
    "reads_environment_of_parent": lambda _: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
    "mounts": lambda _: _system_call(165, 0, 0, 0, 0, 0),
    "unshares": lambda _: _system_call(272, 0x10000000),
    "uses_keys": lambda _: _system_call(250, 0, 0, 0, 0, 0),
    "uses_bpf": lambda _: _system_call(321, 0, 0, 0),
    "uses_io_uring": lambda _: _system_call(425, 1, 0),
    "shares_memory": lambda _: _system_call(29, 0, 4096, 0o1600),
    "lifts_limit": lambda _: resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)),
    "lowers_limit": lambda _: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 10)),
    "reads_limit": lambda _: resource.getrlimit(resource.RLIMIT_AS),
    "outlives_parent": lambda _: _prctl(1, 0),
    "becomes_nobody": lambda _: os.setuid(65534),
    "changes_owner": lambda path: os.chown(path, 65534, 65534),
    "changes_mode": lambda path: Path(path).chmod(0),
    "changes_times": lambda path: os.utime(path, (0, 0)),
    "sets_attribute": lambda path: os.setxattr(path, "user.test", b"x"),
    "copies": lambda path: shutil.copy2(path, "copy"),
}


def _outcome(attempt: Callable[[str], Any], path: str) -> str:
    try:
        attempt(path)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except ValueError as error:
        return str(error)
    return "done"


class Escaping:
    spec = PluginSpec(
        name="escaping",
        version="0",
        description="Tries to get out.",
        input_schema={"type": "object"},
        output_schema={"type": "object"},
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {"outcome": _outcome(ATTEMPTS[payload["attempt"]], payload.get("path", ""))}


class EscapingWithNetwork(Escaping):
    spec = PluginSpec(
        name="escaping-network",
        version="0",
        description="Tries to get out, over the network.",
        input_schema={"type": "object"},
        output_schema={"type": "object"},
        needs=("network",),
    )


PLUGIN = Escaping
