"""The short tasks: each is one program of the environment, run from the root with its exit code passed on."""

import os
import subprocess
from collections.abc import Sequence
from typing import NoReturn

from devtasks.environment import ROOT, ready_python
from devtasks.failure import refuse


def python(*words: str) -> int:
    """Run the environment's interpreter with these words from the repository root and give its exit code."""
    return subprocess.run([str(ready_python()), *words], cwd=ROOT, check=False).returncode


def program(name: str, *words: str) -> int:
    """Run a program that a locked package installed, the same way."""
    return subprocess.run([str(ready_python().with_name(name)), *words], cwd=ROOT, check=False).returncode


def become(*words: str) -> NoReturn:
    """Replace this process by the environment's interpreter, so that signals reach the program and nothing else."""
    interpreter = str(ready_python())
    os.chdir(ROOT)
    os.execv(interpreter, [interpreter, *words])  # noqa: S606  (a list of words, no shell)


def setup(arguments: Sequence[str]) -> int:
    refuse(arguments)
    ready_python()
    return 0


def check(arguments: Sequence[str]) -> int:
    become("-m", "governance", "check", *arguments)


def test(arguments: Sequence[str]) -> int:
    become("-m", "pytest", *spread(arguments), *arguments)


def spread(arguments: Sequence[str]) -> tuple[str, ...]:
    """The words that keep every core busy, unless the caller says how, or asks for what needs pytest in one process.

    One process more than there are cores, because many tests wait for a server; a file stays in one process, so that a
    server or a copy of the project that its tests share is made once.
    """
    alone = any(word in {"--pdb", "--trace", "-s"} or word.startswith(("-n", "--numprocesses")) for word in arguments)
    return () if alone else ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile")


def serve(arguments: Sequence[str]) -> int:
    become("-m", "server", *arguments)


def keys(arguments: Sequence[str]) -> int:
    become("-m", "server", "keys", *arguments)


def worker(arguments: Sequence[str]) -> int:
    become("-m", "server", "worker", *arguments)
