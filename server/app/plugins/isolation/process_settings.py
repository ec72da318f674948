"""How plugin processes are started and what they may use, as the person who runs the server wants it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from server.app.plugins.plugin import Need

MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True)
class ProcessSettings:
    """``environment`` names the variables that plugins may see beside those every program needs.

    ``confined`` puts plugins under Landlock and seccomp, as far as the kernel has them: they then write to a
    folder of their own and to ``write_paths``, and read the system, their code and ``read_paths``, but nothing
    in ``private_paths``. ``granted`` is what a plugin gets that asks for it. ``processes`` is how many processes
    such a plugin may have at once. Of the processes that serve a plugin and have nothing to do, ``idle_per_plugin`` are
    kept, and as many more as were needed in the last ``idle_seconds``.
    """

    timeout_seconds: float = 300.0
    start_seconds: float = 10.0
    memory_mb: int = 1024
    cpu_seconds: int = 300
    processes: int = 64
    result_bytes: int = 16 * MEGABYTE
    idle_per_plugin: int = 4
    idle_seconds: float = 10.0
    environment: tuple[str, ...] = ()
    confined: bool = True
    granted: tuple[str, ...] = get_args(Need)
    read_paths: tuple[Path, ...] = ()
    write_paths: tuple[Path, ...] = ()
    private_paths: tuple[Path, ...] = ()
