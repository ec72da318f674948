"""Keys: what is kept of them, whom they let in, and how they are seen to from the command line."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from server.__main__ import main
from server.app.access.api_key import hash_of, new_key, parts_of
from server.app.access.caller import Caller
from server.app.access.permission import PERMISSIONS, Permission, Role
from server.app.adapters.database.database import Database
from server.app.adapters.database.key_store import SqlKeyStore
from server.app.adapters.database.migrate import opened_database
from server.app.core.clock import utc_now
from server.app.services.key_service import KeyNameError, KeyService

pytestmark = pytest.mark.requirement("R-054", "R-055")


@pytest.fixture
def keys(database: Database) -> KeyService:
    return KeyService(SqlKeyStore(database), utc_now)


def test_the_roles_are_these() -> None:
    assert {role.value: sorted(permissions) for role, permissions in PERMISSIONS.items()} == {
        "admin": ["admin", "analyze", "plugins", "stream"],
        "user": ["analyze", "stream"],
    }


def test_no_two_keys_are_alike_and_nothing_kept_shows_the_secret() -> None:
    made = [new_key("alice", Role.USER, utc_now()) for _ in range(100)]
    assert len({key.id for key, _ in made}) == len({text for _, text in made}) == 100
    for key, text in made:
        parts = parts_of(text)
        assert parts is not None
        assert parts[0] == key.id
        assert parts[1] not in repr(key)
        assert (key.secret_hash, key.opens_for(parts[1])) == (hash_of(parts[1]), True)


@pytest.mark.parametrize("role", list(Role))
def test_a_key_lets_its_caller_in(keys: KeyService, role: Role) -> None:
    key, text = keys.create("alice", role)
    assert keys.caller_of(text) == Caller("alice", PERMISSIONS[role], key.id)


def test_two_keys_of_one_caller_are_one_caller(keys: KeyService) -> None:
    (first, _), (second, text) = keys.create("alice", Role.USER), keys.create("alice", Role.USER)
    assert keys.revoke(first.id)
    found = keys.caller_of(text)
    assert found is not None
    assert (found.id, found.key_id) == ("alice", second.id)


def test_a_revoked_key_lets_nobody_in_and_is_revoked_once(keys: KeyService) -> None:
    key, text = keys.create("alice", Role.ADMIN)
    assert [keys.revoke(key.id), keys.revoke(key.id), keys.revoke("nonsense")] == [True, False, False]
    assert keys.caller_of(text) is None
    (kept,) = keys.list()
    assert kept.revoked_at is not None
    assert keys.none_was_made() is False


NO_KEYS: dict[str, Callable[[str], str]] = {
    "nothing": lambda text: "",
    "too short": lambda text: text[:-1],
    "too long": lambda text: text + "A",
    "line break": lambda text: text + "\n",
    "upper case": lambda text: text.upper(),
    "blank": lambda text: " " + text,
    "other prefix": lambda text: text.replace("cts_", "abc_"),
    "other secret": lambda text: text[:21] + "A" * 43,
    "other id": lambda text: "cts_" + "0" * 16 + text[20:],
    "zero byte": lambda text: text[:30] + "\x00" + text[31:],
    "foreign digit": lambda text: text[:10] + "\u0661" + text[11:],
    "injection": lambda text: "' OR 1=1 --",
}


@pytest.mark.parametrize("change", NO_KEYS.values(), ids=NO_KEYS)
def test_what_is_not_the_whole_key_lets_nobody_in(keys: KeyService, change: Callable[[str], str]) -> None:
    _, text = keys.create("alice", Role.ADMIN)
    assert keys.caller_of(change(text)) is None


@pytest.mark.parametrize("name", ["", "A", "a b", "a\n", "-a", "a" * 65, "../x", "anonymous", "\u00e4"])
def test_who_cannot_be_a_caller(keys: KeyService, name: str) -> None:
    with pytest.raises(KeyNameError):
        keys.create(name, Role.USER)
    assert keys.none_was_made()


def test_a_user_is_no_administrator() -> None:
    user = Caller("alice", PERMISSIONS[Role.USER])
    assert [user.may(permission) for permission in (Permission.ANALYZE, Permission.ADMIN)] == [True, False]


def test_a_key_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "not there yet"
    at = ["--data-dir", str(folder)]
    command = [sys.executable, "-m", "server", "keys", "create", "alice", "--role", "admin", *at]
    made = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (made.returncode, parts_of(made.stdout.strip()) is not None) == (0, True), made.stderr
    key_id, secret = made.stdout[4:20], made.stdout.strip()[21:]
    assert "only time" in made.stderr
    assert main(["keys", "list", *at]) == 0
    listed = capsys.readouterr().out
    assert (listed.split()[:2], secret in listed) == ([key_id, "admin"], False)
    assert [main(["keys", "revoke", key_id, *at]), main(["keys", "revoke", key_id, *at])] == [0, 1]
    assert "server: no key" in capsys.readouterr().err
    assert main(["keys", "list", *at]) == 0
    assert "revoked" in capsys.readouterr().out
    assert [path.name for path in folder.iterdir() if secret.encode("ascii") in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("cannot be the name", ["create", "No Name"]),
        ("cannot use the data folder", ["create", "alice", "--data-dir", "/proc/nothing"]),
    ],
)
def test_a_command_that_cannot_be_carried_out_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: str, words: list[str]
) -> None:
    assert main(["keys", *words[:2], "--data-dir", str(tmp_path), *words[2:]]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("reason", "sink"),
    [("Bad file descriptor", ">&-"), ("No space left on device", ">/dev/full"), ("Broken pipe", "")],
)
def test_a_key_that_cannot_be_shown_is_revoked(tmp_path: Path, reason: str, sink: str) -> None:
    words = f"exec {sys.executable} -m server keys create alice --data-dir '{tmp_path}' {sink}"
    reader, pipe = os.pipe()
    os.close(reader)
    made = subprocess.run(["sh", "-c", words], stdout=pipe, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    os.close(pipe)
    told, why = made.stderr.splitlines()
    key_id = told.split()[2]
    assert why == f"server: standard output cannot be written: {reason}; key {key_id} is revoked"
    database = opened_database(tmp_path / "cts.db")
    assert [(key.id, key.revoked_at is None) for key in SqlKeyStore(database).list()] == [(key_id, False)]
    database.close()


def test_a_database_that_fails_a_command_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened_database(tmp_path / "cts.db").close()
    with closing(sqlite3.connect(tmp_path / "cts.db")) as database:
        database.execute("DROP TABLE api_key")
    assert main(["keys", "create", "alice", "--data-dir", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "server: the database cannot be used: no such table: api_key\n"


@pytest.mark.parametrize(("said", "words"), [("invalid", ["create", "alice", "--role", "king"]), ("COMMAND", [])])
def test_a_wrong_command_says_what_is_wrong(capsys: pytest.CaptureFixture[str], said: str, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["keys", *words])
    assert (ended.value.code, said in capsys.readouterr().err) == (2, True)
