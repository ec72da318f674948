"""Requests that are wrong: each gets the envelope, none a traceback, none a status of 500 or above."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.tests.live.envelope import assert_envelope
from server.tests.live.server_process import ServerProcess

pytestmark = pytest.mark.requirement("R-056")

EXECUTE = "/v1/analyze-execution"
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("status", "kind", "method", "path"),
    [
        (404, "NotFound", "GET", "/"),
        (404, "NotFound", "GET", "/v1/nothing"),
        (404, "NotFound", "GET", "/v1/analyze-execution/jobs/a/b/c"),
        (404, "NotFound", "GET", "/v1/plugins/nobody/health"),
        (404, "NotFound", "GET", "/../../etc/passwd"),
        (404, "NotFound", "GET", "/%2e%2e/%00/%ff"),
        (405, "ValidationError", "GET", EXECUTE),
        (405, "ValidationError", "PUT", EXECUTE),
        (405, "ValidationError", "POST", "/v1/analyze-execution/jobs"),
        (405, "ValidationError", "DELETE", "/v1/plugins"),
        (405, "ValidationError", "BREW", "/v1/health"),
    ],
)
def test_an_address_or_method_that_there_is_not(
    live: ServerProcess, status: int, kind: str, method: str, path: str
) -> None:
    answer = live.client.request(method, path)
    assert_envelope(answer, status, kind)
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"not json",
        b"\xff\xfe\x00",
        b'{"plugin": "text-statistics", "payload": {"text": "\xff"}}',
        b'{"plugin": "text-statistics", "payload": {"text": NaN}}',
        b'{"plugin": "text-statistics", "payload": {"text": "a", "top": Infinity}}',
        b'{"plugin": "text-statistics", "payload": {"text": "a", "top": 1e999}}',
        b'{"plugin": "text-statistics", "payload": {"text": "a", "top": ' + b"9" * 5000 + b"}}",
        b'{"plugin": "text-statistics", "payload": {"text": "\\ud800"}}',
        b'{"plugin": "text-statistics", "payload": {"\\udfff": 1}}',
        b'{"plugin": "\\ud800", "payload": {}}',
        b'{"plugin": "text-statistics", "payload": ' + b'{"a":' * 20_000 + b"1" + b"}" * 20_001,
        b"[" * 100_000,
    ],
    ids=lambda body: ascii(body[:40] + b".." + body[-40:]),
)
def test_a_body_that_cannot_be_read(live: ServerProcess, body: bytes) -> None:
    assert_envelope(live.client.post(EXECUTE, content=body, headers=JSON), 400, "ValidationError")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_body_of_another_type(live: ServerProcess, content_type: str) -> None:
    body = b'{"plugin": "text-statistics", "payload": {"text": "a"}}'
    answer = live.client.post(EXECUTE, content=body, headers={"content-type": content_type})
    assert_envelope(answer, 400, "ValidationError")


@pytest.mark.requirement("R-059")
def test_a_body_of_50_megabytes_is_refused_unread(live: ServerProcess) -> None:
    body = b'{"plugin": "text-statistics", "payload": {"text": "' + b"x" * 50_000_000 + b'"}}'
    status, head, content = raw_request(live, head_of(len(body)) + body[:1000])
    assert (status, "connection: close" in head.lower()) == (413, True)
    assert json.loads(content)["error"]["type"] == "ResourceLimit"


@pytest.mark.requirement("R-059")
def test_a_body_of_unknown_length_is_cut_off_at_the_limit(live: ServerProcess) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 1_000_000

    answer = live.client.post(EXECUTE, content=endless(), headers=JSON)
    error = assert_envelope(answer, 413, "ResourceLimit")
    assert error["details"] == {"limit_bytes": 20 * 1024 * 1024}


@pytest.mark.requirement("R-059")
@pytest.mark.parametrize("length", ["-5", "abc", "99999999999999999999999999"])
def test_a_length_that_is_a_lie(live: ServerProcess, length: str) -> None:
    status, _, _ = raw_request(live, head_of(length) + b"{}")
    assert 400 <= status < 500


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(live: ServerProcess) -> None:
    address = urlsplit(live.url)
    for _ in range(20):
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
            connection.sendall(head_of(1000) + b'{"plugin"')
    assert live.client.get("/v1/health").status_code == 200


def head_of(length: int | str) -> bytes:
    lines = [f"POST {EXECUTE} HTTP/1.1", "host: x", "content-type: application/json", f"content-length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def raw_request(live: ServerProcess, data: bytes) -> tuple[int, str, bytes]:
    """Status, head and content of the answer to these bytes."""
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("ascii"), content


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLUGINS = st.sampled_from(["text-statistics", "table-profile", "image-analysis", "nobody"])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "plugin": PLUGINS | ANY_JSON,
        "image": st.text() | ANY_JSON,
        "mime_type": st.sampled_from(["image/png", "x"]) | ANY_JSON,
        "payload": st.dictionaries(st.sampled_from(["text", "csv", "top", "image", "delimiter"]), ANY_JSON) | ANY_JSON,
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES | ANY_JSON)
def test_whatever_is_sent_is_answered_in_shape(live: ServerProcess, body: Any) -> None:
    answer = live.client.post(EXECUTE, content=json.dumps(body).encode("ascii"), headers=JSON)
    if answer.status_code != 200:
        assert_envelope(answer, 400, answer.json()["error"]["type"])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200))
def test_whatever_bytes_are_sent_are_answered_in_shape(live: ServerProcess, body: bytes) -> None:
    assert_envelope(live.client.post(EXECUTE, content=body, headers=JSON), 400, "ValidationError")
