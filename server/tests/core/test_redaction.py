"""Secrets that must not be left in a text, and texts that must be left alone."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.app.access.api_key import new_key
from server.app.access.permission import Role
from server.app.core.clock import utc_now
from server.app.core.redaction import _SECRETS, _masked, redacted

pytestmark = pytest.mark.requirement("R-212")
SECRET = "hunter2Hunter3"


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"PASSWORD: {SECRET}",
        f'{{"password": "{SECRET}", "a": 1}}',
        f"{{'api_key': '{SECRET}'}}",
        f'password = "two words {SECRET}"',
        f"db_password='{SECRET}'",
        f'password = "two\nlines {SECRET}"',
        f"{{'password': 'a key\n\n{SECRET}\n', 'b': 1}}",
        f'{{"password": "with \\" {SECRET}"}}',
        f'password="{SECRET} without an end',
        f'password="{"x" * 5000}" password="{SECRET}"',
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"?access_token={SECRET}&page=2",
        f"X-API-Key: {SECRET}",
        f"Authorization: Bearer {SECRET}",
        f"authorization: Basic {SECRET}==",
        f"sent Bearer {SECRET} along",
        f"postgresql://admin:{SECRET}@db.example.org/cts",
        f"connect to https://user:{SECRET}@example.org failed",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"client_credential={SECRET})",
    ],
)
def test_a_secret_is_gone(text: str) -> None:
    assert SECRET not in redacted(text)
    assert "***" in redacted(text)


def test_of_a_key_of_ours_the_id_is_left() -> None:
    key, text = new_key("alice", Role.USER, utc_now())
    assert redacted(f"got {text}!") == f"got cts_{key.id}_***!"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the token bucket is empty",
        "no plugin named 'password-checker'",
        "File \"/srv/app/secrets.py\", line 3, in token_of",
        "https://example.org:8080/path",
        "mail to someone@example.org",
        "bearer of bad news",
        "a\x00b\ud800",
    ],
)  # fmt: skip
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "text",
    ["password" * 20_000, "a-" * 100_000, "x://" * 50_000, "token=" * 30_000, "-----BEGIN " * 20_000, ":" * 200_000],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    redacted(text)
    assert time.process_time() - started < 2.0


_PIECES = (
    *("cts_" + "0" * 16 + "_" + "a" * 43, "Bearer ", "BASIC\t", "://u:p@", "-----BEGIN PRIVATE KEY-----", "x" * 9),
    *("api", "Key", "_", "-", "pass", "WORD", "wd", "SEC", "ret", "to", "ken", "credential", "authorization"),
    *("=", ": ", '"', "'", " ", "\n", "\u017f", "\u212a", "\u0131", "\u0130", "\u00e9"),
)


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join))
def test_the_look_for_hints_misses_no_secret(text: str) -> None:
    assert redacted(text) == _SECRETS.sub(_masked, text)
