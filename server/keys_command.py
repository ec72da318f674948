"""Keys from the command line: ``python -m server keys create NAME | list | revoke ID``."""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from server.app.access.api_key import ApiKey
from server.app.access.permission import PERMISSIONS, Role
from server.app.adapters.data_folder import make_data_folder
from server.app.adapters.database.database import Database
from server.app.adapters.database.key_store import SqlKeyStore
from server.app.adapters.database.migrate import opened_database, start_errors
from server.app.core.clock import utc_now
from server.app.core.settings import Settings, read_settings
from server.app.core.start_error import StartError, say
from server.app.services.key_service import KeyNameError, KeyService


def keys_command(arguments: list[str]) -> int:
    """Carry it out; the exit code. A running server knows about it within a second.

    Raises:
        StartError: the settings or the database are wrong.
    """
    given = _parser().parse_args(arguments)
    with opened_keys(read_settings(data_dir=given.data_dir)) as keys:
        return int(given.action(keys, given))


@contextmanager
def opened_keys(settings: Settings) -> Iterator[KeyService]:
    """The keys of a server that may be running meanwhile.

    Raises:
        StartError: the folder or the database cannot be used, now or later in the block.
    """
    database = _opened_database(settings)
    try:
        with start_errors("the database"):
            yield KeyService(SqlKeyStore(database), utc_now)
    finally:
        database.close()


def _opened_database(settings: Settings) -> Database:
    if settings.database_url is not None:
        from server.app.adapters.database.postgres import opened_postgres

        return opened_postgres(settings.database_url.get_secret_value())
    try:
        make_data_folder(settings.data_dir)
    except OSError as error:
        raise StartError(f"cannot use the data folder {settings.data_dir}: {error.strerror}") from None
    return opened_database(settings.data_dir / "cts.db")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m server keys", description="Make, list and revoke API keys.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="make a key and show it, once")
    create.add_argument("name", help="the caller it is for; the keys of one caller see the same jobs")
    roles = "; ".join(f"{role}: {', '.join(sorted(PERMISSIONS[role]))}" for role in Role)
    create.add_argument("--role", type=Role, choices=list(Role), default=Role.USER, help=f"{roles} (user)")
    create.set_defaults(action=_create)
    listing = commands.add_parser("list", help="show all keys; nobody can show their secrets")
    listing.set_defaults(action=_list)
    revoke = commands.add_parser("revoke", help="end a key")
    revoke.add_argument("id", help="as `list` shows it")
    revoke.set_defaults(action=_revoke)
    for command in (create, listing, revoke):
        command.add_argument("--data-dir", help="folder of the database (CTS_DATA_DIR)")
    return parser


def _create(keys: KeyService, given: argparse.Namespace) -> int:
    try:
        key, text = keys.create(given.name, given.role)
    except KeyNameError as error:
        raise StartError(str(error)) from None
    say(f"key {key.id} for {key.name} ({key.role}); this is the only time that it is shown:")
    try:
        _show(f"{text}\n")
    except StartError as error:
        keys.revoke(key.id)  # nobody has it, and nobody can get it any more
        raise StartError(f"{error}; key {key.id} is revoked") from None
    return 0


def _list(keys: KeyService, _given: argparse.Namespace) -> int:
    _show("".join(f"{_line(key)}\n" for key in keys.list()))
    return 0


def _line(key: ApiKey) -> str:
    until = f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC" if key.revoked_at else "holds"
    return f"{key.id}  {key.role:<5}  {key.created_at:%Y-%m-%d %H:%M} UTC  {until}  {key.name}"


def _show(text: str) -> None:
    """On standard output; raises ``StartError`` if nobody takes it there."""
    try:
        if sys.stdout is None:  # it was closed
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        if sys.stdout is not None:  # or what is left of it would be written, and fail, once more at the very end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StartError(f"standard output cannot be written: {error.strerror}") from None


def _revoke(keys: KeyService, given: argparse.Namespace) -> int:
    if keys.revoke(given.id):
        say(f"key {given.id} is revoked")
        return 0
    raise StartError(f"no key {given.id!r} holds; see: python -m server keys list")
