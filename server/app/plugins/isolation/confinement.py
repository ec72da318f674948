"""What a plugin process may reach, decided by the server, put on by the process before it loads the plugin.

Limits: on a kernel without Landlock files are protected by the user's rights alone, without seccomp nothing
but the limits of the process holds; ``missing`` says so.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from server.app.plugins.isolation import landlock, seccomp
from server.app.plugins.plugin import Need

_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION: Final = 0x20080522
_NETWORK_FILES: Final = ("/etc/resolv.conf", "/run/systemd/resolve", "/etc/services", "/etc/protocols")
_SYSTEM_FILES: Final = (
    "/usr /lib /lib32 /lib64 /bin /sbin /nix /gnu "
    "/etc/ld.so.cache /etc/ld.so.conf /etc/ld.so.conf.d /etc/ld-musl-x86_64.path /etc/ld-musl-aarch64.path "
    "/etc/alternatives /etc/fonts /etc/gai.conf /etc/group /etc/host.conf /etc/hosts /etc/localtime /etc/mime.types "
    "/etc/nsswitch.conf /etc/passwd /etc/pki /etc/ssl /etc/ca-certificates /etc/timezone "
    "/proc/self /proc/cpuinfo /proc/meminfo /proc/version /proc/filesystems /proc/sys/vm/overcommit_memory "
    "/sys/devices/system/cpu /sys/fs/cgroup/cpu.max /sys/kernel/mm/transparent_hugepage"
).split()
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Offer:
    """What the kernel offers: the version of Landlock, 0 for none, and whether there is seccomp."""

    landlock: int
    seccomp: bool

    def missing(self) -> list[str]:
        """What plugins are not kept from, in words for the person who runs the server."""
        found = []
        if self.landlock == 0:
            found.append("files: this kernel has no Landlock, so plugins reach every file of the server's user")
        if not self.seccomp:
            found.append("system calls: no seccomp here, so plugins may use the network and start processes")
        if 0 < self.landlock < 3:
            found.append("truncation: this kernel's Landlock cannot keep plugins from emptying files")
        if not self.seccomp and self.landlock < 6:
            found.append("signals: plugins can send signals to other processes of the server's user")
        return found


NOTHING: Final = Offer(0, seccomp=False)


def kernel_offer() -> Offer:
    return Offer(landlock.version(), seccomp.is_available())


@dataclass(frozen=True)
class Confinement:
    """Plain data for the command line of the process. ``grants`` are paths with Landlock's rights."""

    offer: Offer
    grants: tuple[landlock.Grant, ...]
    needs: tuple[Need, ...]

    @property
    def allows_processes(self) -> bool:
        return "processes" in self.needs or not self.offer.seccomp

    def to_text(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Confinement:
        data: dict[str, Any] = json.loads(text)
        return cls(Offer(**data["offer"]), tuple((path, rights) for path, rights in data["grants"]), data["needs"])

    def apply(self) -> None:
        """Confine the calling process; it must have one thread. Raises ``OSError`` if the kernel refuses."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "no-new-privileges was refused")
        _drop_capabilities(libc)
        network, processes = "network" in self.needs, "processes" in self.needs
        if self.offer.landlock:
            landlock.restrict(self.grants, network=network)
        machine = seccomp.this_machine()
        if self.offer.seccomp and machine is not None:
            seccomp.install(seccomp.program(machine, os.getpid(), network=network, processes=processes))


def grants(
    import_path: Iterable[str],
    *,
    read: Iterable[Path] = (),
    write: Iterable[Path] = (),
    private: Iterable[Path] = (),
    needs: tuple[Need, ...] = (),
) -> tuple[landlock.Grant, ...]:
    """Reading the system, the interpreter and what can be imported, but nothing ``private``; writing ``write``."""
    hidden = [path.resolve() for path in private]
    code = [Path(entry).resolve() for entry in (*import_path, sys.prefix, sys.base_prefix, sys.exec_prefix)]
    found: dict[str, int] = {}
    for path in code:
        for place, rights in _around(path, hidden):
            found[str(place)] = found.get(str(place), 0) | rights
    found |= {str(path): landlock.READ for path in read}
    found |= dict.fromkeys((*_SYSTEM_FILES, *(_NETWORK_FILES if "network" in needs else ())), landlock.READ)
    found |= dict.fromkeys(_DEVICES, landlock.USE_DEVICE)
    found |= {str(path): landlock.WRITE for path in write}
    return tuple(found.items())


def _around(path: Path, hidden: list[Path]) -> Iterator[tuple[Path, int]]:
    """``path``, or, where something hidden lies in it, its parts around that; listing folders is harmless."""
    inside = [place for place in hidden if place.is_relative_to(path)]
    if not inside:
        if not any(path.is_relative_to(place) for place in hidden):
            yield path, landlock.READ
        return
    yield path, landlock.LIST
    if path in inside or not path.is_dir():
        return
    for child in path.iterdir():
        yield from _around(child, inside)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """A server that is run by root hands none of root's powers on, such as raising its own limits."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    none = (ctypes.c_uint32 * 6)()
    if libc.capset(ctypes.byref(header), ctypes.byref(none)) != 0:
        raise OSError(ctypes.get_errno(), "capabilities could not be dropped")
