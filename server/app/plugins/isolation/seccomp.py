"""System calls that a plugin process may not make, as a filter that the kernel runs.

A refused call fails with EPERM, as if the user were not allowed to; a call in a foreign calling convention
ends the process. Refused are: what changes the machine, what looks into or steers other processes, what
outlives the process (System V memory, message queues), what would lift the limits, and, unless the plugin
asked for it, the network and new processes.

Landlock does not look at changes of a file's mode, owner and times, which its owner may make wherever it lies. They do
nothing here and say that they are done, as on a file system without modes (``quiet`` of vfat), because much that copies
or unpacks files makes them and gives up if it may not. Extended attributes, access lists among them, are not supported.

Limits: numbers are known for x86_64 and aarch64. A flag that stands in memory cannot be judged, so ``clone3``
claims not to exist and the C library falls back to ``clone``.

Sources: linux/seccomp.h, linux/filter.h, and the tables asm/unistd_64.h and asm-generic/unistd.h of Linux 6.x.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
from dataclasses import dataclass
from typing import Final

_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_SECCOMP_GET_ACTION_AVAIL: Final = 2

ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
_ERRNO: Final = 0x00050000
REFUSE: Final = _ERRNO | errno.EPERM
IGNORE: Final = _ERRNO
UNSUPPORTED: Final = _ERRNO | errno.EOPNOTSUPP
UNKNOWN: Final = _ERRNO | errno.ENOSYS

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_NUMBER_AT: Final = 0  # offsets in struct seccomp_data
_MACHINE_AT: Final = 4
_X32: Final = 0x40000000

_CLONE_THREAD: Final = 0x00010000
_CLONE_NAMESPACES: Final = 0x7E020000
_PR_SET_PDEATHSIG: Final = 1


@dataclass(frozen=True)
class Machine:
    """How one kind of processor numbers the calls; ``own`` are those that the other kind lacks or numbers apart."""

    audit: int
    syscall: int
    own: dict[str, int]

    def number(self, name: str) -> int | None:
        return self.own.get(name, _SAME_EVERYWHERE.get(name))


_SAME_EVERYWHERE: Final = {
    "pidfd_send_signal": 424, "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "pidfd_getfd": 438,
    "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443, "fchmodat2": 452, "setxattrat": 463,
    "removexattrat": 466, "open_tree_attr": 467, "file_setattr": 469,
}  # fmt: skip

MACHINES: Final = {
    "x86_64": Machine(0xC000003E, 317, {
        "socket": 41, "clone": 56, "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "shmget": 29, "semget": 64,
        "msgget": 68, "ptrace": 101, "syslog": 103, "rt_sigqueueinfo": 129, "uselib": 134, "personality": 135,
        "vhangup": 153, "modify_ldt": 154, "pivot_root": 155, "prctl": 157, "adjtimex": 159, "setrlimit": 160,
        "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "swapoff": 168,
        "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175,
        "delete_module": 176, "quotactl": 179, "tkill": 200, "lookup_dcookie": 212, "clock_settime": 227, "tgkill": 234,
        "mq_open": 240, "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272,
        "rt_tgsigqueueinfo": 297, "perf_event_open": 298, "fanotify_init": 300, "prlimit64": 302,
        "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305, "setns": 308,
        "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "finit_module": 313, "kexec_file_load": 320,
        "bpf": 321, "execveat": 322, "userfaultfd": 323, "chmod": 90, "fchmod": 91, "chown": 92, "fchown": 93,
        "lchown": 94, "utime": 132, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197,
        "lremovexattr": 198, "fremovexattr": 199, "utimes": 235, "fchownat": 260, "futimesat": 261, "fchmodat": 268,
        "utimensat": 280,
    }),
    "aarch64": Machine(0xC00000B7, 277, {
        "lookup_dcookie": 18, "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "vhangup": 58, "quotactl": 60,
        "acct": 89, "personality": 92, "unshare": 97, "kexec_load": 104, "init_module": 105, "delete_module": 106,
        "clock_settime": 112, "syslog": 116, "ptrace": 117, "kill": 129, "tkill": 130, "tgkill": 131,
        "rt_sigqueueinfo": 138, "reboot": 142, "sethostname": 161, "setdomainname": 162, "setrlimit": 164, "prctl": 167,
        "settimeofday": 170, "adjtimex": 171, "mq_open": 180, "msgget": 186, "semget": 190, "shmget": 194,
        "socket": 198, "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "swapon": 224,
        "swapoff": 225, "rt_tgsigqueueinfo": 240, "perf_event_open": 241, "prlimit64": 261, "fanotify_init": 262,
        "name_to_handle_at": 264, "open_by_handle_at": 265, "clock_adjtime": 266, "setns": 268,
        "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "bpf": 280,
        "execveat": 281, "userfaultfd": 282, "kexec_file_load": 294, "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7,
        "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16, "fchmod": 52, "fchmodat": 53, "fchownat": 54,
        "fchown": 55, "utimensat": 88,
    }),
}  # fmt: skip

ALWAYS_REFUSED: Final = (
    "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp perf_event_open "
    "mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick mount_setattr "
    "unshare setns name_to_handle_at open_by_handle_at fanotify_init quotactl quotactl_fd lookup_dcookie "
    "keyctl add_key request_key bpf userfaultfd io_uring_setup io_uring_enter io_uring_register "
    "kexec_load kexec_file_load init_module finit_module delete_module reboot swapon swapoff acct syslog vhangup "
    "settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname iopl ioperm modify_ldt "
    "personality uselib shmget semget msgget mq_open setrlimit"
).split()
IGNORED: Final = (
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat file_setattr"
).split()
ATTRIBUTE_CALLS: Final = (
    "setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat"
).split()
PROCESS_CALLS: Final = ("fork", "vfork", "execve", "execveat")
_SIGNAL_CALLS: Final = ("kill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
_OTHER_SIGNAL_CALLS: Final = ("tkill", "pidfd_send_signal")
_FAMILIES: Final = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16)  # 16: netlink, by which names are resolved

Instruction = tuple[int, int, int, int]


def program(machine: Machine, pid: int, *, network: bool, processes: bool) -> list[Instruction]:
    """The filter for the process ``pid``, as (code, jump if true, jump if false, constant).

    Without ``processes`` signals reach ``pid`` alone: it has no children that it could mean.
    """
    code: list[Instruction] = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER_AT),
    ]
    if machine is MACHINES["x86_64"]:
        code += [(_AT_LEAST, 0, 1, _X32), (_RETURN, 0, 0, KILL)]

    def rule(name: str, *then: Instruction) -> None:
        number = machine.number(name)
        if number is not None:
            code.extend([(_EQUAL, 0, len(then), number), *then])

    refuse: Instruction = (_RETURN, 0, 0, REFUSE)
    allow: Instruction = (_RETURN, 0, 0, ALLOW)
    for name in ALWAYS_REFUSED:
        rule(name, refuse)
    for name in IGNORED:
        rule(name, (_RETURN, 0, 0, IGNORE))
    for name in ATTRIBUTE_CALLS:
        rule(name, (_RETURN, 0, 0, UNSUPPORTED))
    rule("clone3", (_RETURN, 0, 0, UNKNOWN))
    rule("prctl", _argument(0), (_EQUAL, 0, 1, _PR_SET_PDEATHSIG), refuse, allow)
    # Reading limits is prlimit64 without new ones; both halves of that pointer are looked at.
    rule("prlimit64", _argument(2), (_EQUAL, 0, 2, 0), _argument(2, high=True), (_EQUAL, 1, 0, 0), refuse, allow)
    if network:
        known = [(_EQUAL, len(_FAMILIES) - place, 0, int(family)) for place, family in enumerate(_FAMILIES)]
        rule("socket", _argument(0), *known, refuse, allow)
    else:
        rule("socket", refuse)
    if processes:
        rule("clone", _argument(0), (_ANY_BIT, 0, 1, _CLONE_NAMESPACES), refuse, allow)
    else:
        for name in (*PROCESS_CALLS, *_OTHER_SIGNAL_CALLS):
            rule(name, refuse)
        rule("clone", _argument(0), (_ANY_BIT, 0, 2, _CLONE_THREAD), (_ANY_BIT, 1, 0, _CLONE_NAMESPACES), allow, refuse)
        for name in _SIGNAL_CALLS:
            rule(name, _argument(0), (_EQUAL, 2, 0, pid), (_EQUAL, 1, 0, 0), refuse, allow)
    code.append(allow)
    return code


def _argument(place: int, *, high: bool = False) -> Instruction:
    """Load half of an argument; both kinds of processor are little-endian."""
    return (_LOAD, 0, 0, 16 + 8 * place + (4 if high else 0))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def this_machine() -> Machine | None:
    """``None`` where the numbers are not known, which includes 32-bit programs on a 64-bit kernel."""
    return MACHINES.get(platform.machine()) if struct.calcsize("P") == 8 else None


def is_available() -> bool:
    """Whether the kernel takes filters that refuse with an error."""
    machine = this_machine()
    if machine is None:
        return False
    action = ctypes.c_uint32(_ERRNO)
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.syscall(machine.syscall, _SECCOMP_GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0)


def install(code: list[Instruction]) -> None:
    """Put the filter on this thread and all that it will start; needs no-new-privileges. Raises ``OSError``."""
    packed = b"".join(struct.pack("=HBBI", *instruction) for instruction in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    argument = _Program(len(code), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(argument), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp refused the filter: {os.strerror(number)}")
