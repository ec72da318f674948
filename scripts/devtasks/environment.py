"""The project's own environment in `.venv`: made once, checked by a stamp, never half made.

The stamp has two lines and is written last. The first names everything an environment is made of (lock, Python,
place); when it differs the environment is made anew. The second names `pyproject.toml`; when only that differs, the
checkout is installed again over the same environment, so a running process keeps its packages.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from devtasks.failure import TaskFailure

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements" / "dev.txt"
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "complete"
LOG = VENV / "install.log"


def ready_python() -> Path:
    """The interpreter of a complete and current environment, which is set up first where needed.

    Raises TaskFailure when it cannot be set up, OSError when files are in the way.
    """
    wanted = _wanted()
    if _found() == wanted:
        return PYTHON
    with _one_at_a_time():
        found = _found()
        if found == wanted:
            return PYTHON
        if found is None or found[0] != wanted[0] or _installer_is_gone():
            _create()
        STAMP.unlink(missing_ok=True)
        _install_checkout()
        STAMP.write_text("\n".join(wanted), encoding="utf-8")
    return PYTHON


def _wanted() -> tuple[str, str]:
    lock, project = LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes()
    made_of = f"{sys.implementation.cache_tag} {sys.version} {ROOT}".encode()
    return hashlib.sha256(lock + made_of).hexdigest(), hashlib.sha256(project).hexdigest()


def _found() -> tuple[str, str] | None:
    try:
        environment, checkout = STAMP.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return None
    return (environment, checkout) if os.access(PYTHON, os.X_OK) else None


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Hold the set-up lock, which the system lets go when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:
        raise TaskFailure("the developer tasks need Linux, macOS or WSL") from None
    with (ROOT / ".venv.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("waiting for another set-up of .venv to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _create() -> None:
    uv = shutil.which("uv")
    # Inside a virtual environment this is the interpreter behind it, so .venv never rests on itself.
    base = getattr(sys, "_base_executable", sys.executable)
    if uv is None:
        _require_venv_module()
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    elif VENV.exists():
        shutil.rmtree(VENV)
    version = ".".join(map(str, sys.version_info[:3]))
    _say(f"setting up .venv (Python {version}, {'uv' if uv else 'pip'}); this happens once")
    if uv:
        _step("make .venv", [uv, "venv", "--quiet", "--python", base, str(VENV)])
        _step("install the locked packages", [*_installer(), "--require-hashes", "-r", str(LOCK)])
    else:
        _step("make .venv", [base, "-m", "venv", str(VENV)])
        _step("install the locked packages", [*_installer(), "--require-hashes", "-r", str(LOCK)])


def _install_checkout() -> None:
    _step("install the checkout", [*_installer(), "--no-deps", "--no-build-isolation", "-e", str(ROOT)])


def _installer() -> list[str]:
    uv = shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", str(PYTHON)]
    return [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]


def _installer_is_gone() -> bool:
    """What uv has made holds no pip, and uv may have left the PATH since."""
    return shutil.which("uv") is None and not any(VENV.glob("lib/python*/site-packages/pip"))


def _require_venv_module() -> None:
    missing = [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]
    if missing:
        package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        raise TaskFailure(
            f"{sys.executable} has no {missing[0]} module; install it (Debian, Ubuntu: apt install {package}) "
            "or put uv on PATH, then run the same command again"
        )


def _step(what: str, command: Sequence[str]) -> None:
    """Run one step of the set-up; its output goes to the log, and only what explains a failure to the user."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"UV_SYSTEM_CERTS": "1", **os.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    with suppress(OSError), LOG.open("a", encoding="utf-8") as log:
        log.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    if done.returncode:
        reason = _reason(done.stdout) or f"exit code {done.returncode}"
        raise TaskFailure(
            f"could not {what}: {reason} (all of it: {LOG}); once the network and the disk are fine, "
            "run the same command again"
        )


def _reason(output: str) -> str:
    """The first error line of an installer, with the next one where it ends in a colon; without any, the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if line.lower().startswith("error"):
            return " ".join(lines[number : number + (2 if line.endswith(":") else 1)])
    return lines[-1] if lines else ""


def _say(text: str) -> None:
    print(f"dev.py: {text}", file=sys.stderr, flush=True)
