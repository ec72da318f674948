"""Requests that are wrong: each gets the envelope, none a traceback, none a status of 500 or above."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.tests.live.envelope import assert_envelope, assert_error
from server.tests.live.server_process import ServerProcess

pytestmark = pytest.mark.requirement("R-056")

EXECUTE = "/v1/analyze-execution"
JSON = {"content-type": "application/json"}


def head_of(length: int | str) -> bytes:
    lines = [f"POST {EXECUTE} HTTP/1.1", "host: x", "content-type: application/json", f"content-length: {length}"]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def raw_request(live: ServerProcess, data: bytes, *, ends: bool = True) -> tuple[int, str, bytes]:
    """Status, head and content of the answer to these bytes, after which nothing follows if the request ``ends``."""
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5) as connection:
        connection.sendall(data)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    head, _, content = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode("ascii"), content


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
        (405, "ValidationError", "PROPFIND", "/v1/health"),
    ],
)
def test_an_address_or_method_that_there_is_not(
    live: ServerProcess, status: int, kind: str, method: str, path: str
) -> None:
    answer = live.client.request(method, path)
    assert_envelope(answer, status, kind)
    assert ("allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize(
    "path",
    ["/health", "/v1/health/ready", "/openapi.json", "/v1/plugins", "/v1/analyze-execution/jobs/nothing", EXECUTE],
)
def test_head_is_answered_as_get_without_a_body(live: ServerProcess, path: str) -> None:
    got = live.client.get(path)
    for _ in range(2):  # on one connection, so what is left of one answer would be the beginning of the next
        head = live.client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


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
    status, head, content = raw_request(live, head_of(len(body)) + body[:1000], ends=False)
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


@pytest.mark.requirement("R-056")
@pytest.mark.parametrize(
    "data",
    [
        b"\r\n\r\nnonsense",
        b"GET\r\n\r\n",
        b"BREW\r\n\r\n",
        b"BREW / HTTP/9.9\r\n\r\n",
        b"BR(EW / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\na",
        *(head_of(length) + b"{}" for length in ("-5", "abc", "99999999999999999999999999")),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=repr,
)
def test_what_is_no_http_gets_the_envelope(live: ServerProcess, data: bytes) -> None:
    status, head, content = raw_request(live, data)
    assert (status, "content-type: application/json" in head.lower()) == (400, True)
    assert_error(json.loads(content)["error"])
    assert json.loads(content)["error"]["type"] == "ValidationError"


CHUNKED = head_of(0).replace(b"content-length: 0", b"transfer-encoding: chunked")


def chunked(body: bytes, trailer: bytes = b"") -> bytes:
    return CHUNKED + b"%x\r\n%s\r\n0\r\n%s\r\n" % (len(body), body, trailer)


GOOD = b'{"plugin": "text-statistics", "payload": {"text": "a"}}'
BREW = b"BREW / HTTP/1.1\r\nhost: x\r\n\r\n"


@pytest.mark.requirement("R-056", "R-059")
@pytest.mark.parametrize(
    ("statuses", "packets"),
    [
        pytest.param([200, 200, 400], [chunked(GOOD) * 2 + b"nonsense\r\n\r\n"], id="after-the-answers-before-it"),
        pytest.param([200, 200, 400], [chunked(GOOD) * 2 + CHUNKED + b"zz\r\n"], id="chunks-behind-others"),
        pytest.param([400], [CHUNKED, BREW], id="a-chunk-like-a-request"),
        pytest.param([413], [b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 5_000_000], id="one-long-header"),
        pytest.param([413], [b"GET / HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 500_000], id="many-headers"),
        pytest.param([413], [chunked(GOOD, b"x: y\r\n" * 500_000)], id="a-long-trailer"),
        pytest.param([400], [b"GET /v1/health HTTP/1.1\r\n\r\n"], id="no-host"),
        pytest.param([400], [b"GET /v1/health HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"], id="two-hosts"),
        pytest.param([400], [chunked(GOOD).replace(b": chunked", b": gzip, chunked")], id="another-coding"),
    ],
)
def test_a_refusal_is_the_last_answer_and_waits_for_its_turn(
    live: ServerProcess, statuses: list[int], packets: list[bytes]
) -> None:
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        for packet in packets:
            connection.sendall(packet)
            time.sleep(0.05 * (len(packets) > 1))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)] == statuses
    error = json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]
    assert_error(error)
    assert error["type"] == ("ResourceLimit" if statuses == [413] else "ValidationError")


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b"CHUNKED", b"  chunked "])
def test_the_coding_of_a_body_is_known_however_it_is_written(live: ServerProcess, coding: bytes) -> None:
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(chunked(GOOD).replace(b" chunked", b" " + coding))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


@pytest.mark.requirement("R-054")
def test_what_follows_a_body_is_no_header(live: ServerProcess) -> None:
    address = urlsplit(live.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(chunked(GOOD, b"X-API-Key: nonsense\r\n"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")  # a wrong key would be refused


@pytest.mark.requirement("R-056")
@pytest.mark.parametrize("method", ["BREW", "get", "Post", "X-Y_Z", "BREW" * 500])
def test_a_method_that_nobody_knows_is_not_allowed(live: ServerProcess, method: str) -> None:
    data = f"{method} /v1/health HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n".encode("ascii")
    status, head, content = raw_request(live, data)
    assert (status, "allow: delete, get, patch, post" in head.lower()) == (405, True)
    assert_error(json.loads(content)["error"])
    assert json.loads(content)["error"]["type"] == "ValidationError"


@pytest.mark.requirement("R-056")
def test_an_upgrade_that_there_is_not_is_answered_as_any_request(live: ServerProcess) -> None:
    upgrade = {
        "connection": "upgrade",
        "upgrade": "websocket",
        "sec-websocket-key": "eA==",
        "sec-websocket-version": "13",
    }
    assert_envelope(live.client.get("/v1/nothing", headers=upgrade), 404, "NotFound")


JAVA = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
GOOD_HEAD = head_of(len(GOOD))
HEALTH = b"GET /v1/health HTTP/1.1\r\nhost: x\r\n\r\n"


def upgrading(head: bytes, wish: bytes = JAVA) -> bytes:
    return head.removesuffix(b"\r\n") + wish + b"\r\n"


@pytest.mark.requirement("R-056")
@pytest.mark.parametrize(
    ("statuses", "packets"),
    [
        pytest.param([200], [upgrading(GOOD_HEAD) + GOOD], id="in-one-packet"),
        pytest.param([200], [bytes([byte]) for byte in upgrading(GOOD_HEAD) + GOOD], id="in-drops"),
        pytest.param([200], [upgrading(chunked(GOOD)[: len(CHUNKED)]) + chunked(GOOD)[len(CHUNKED) :]], id="in-chunks"),
        pytest.param(
            [200], [upgrading(GOOD_HEAD, b"connection: close, upgrade\r\nupgrade: h2c\r\n") + GOOD], id="last"
        ),
        pytest.param([200], [upgrading(GOOD_HEAD.replace(b"1.1", b"1.0")) + GOOD], id="http-1.0"),
        pytest.param([200, 200, 200], [(upgrading(GOOD_HEAD) + GOOD) * 2 + HEALTH], id="one-behind-another"),
        pytest.param([200, 400], [upgrading(GOOD_HEAD) + GOOD + BREW], id="before-nonsense"),
        pytest.param([400], [upgrading(GOOD_HEAD, JAVA + b"transfer-encoding: chunked\r\n") + GOOD], id="two-lengths"),
        pytest.param([400], [upgrading(HEALTH).replace(b"host: x\r\n", b"")], id="no-host"),
        pytest.param([200] * 500, [upgrading(HEALTH) * 500], id="many"),
    ],
)
def test_a_wish_for_another_protocol_changes_no_answer(
    live: ServerProcess, statuses: list[int], packets: list[bytes]
) -> None:
    address = urlsplit(live.url)
    found: list[bytes] = []
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for packet in packets:
            connection.sendall(packet)
        answer = b""
        while len(found) < len(statuses) and (part := connection.recv(65536)):
            answer += part
            found = re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)
    assert [int(status) for status in found] == statuses


@pytest.mark.requirement("R-056")
@pytest.mark.parametrize("path", ["/v1/plugins/", "/v1/health/", "/v1/analyze-execution/jobs/"])
def test_no_address_is_a_redirection(live: ServerProcess, path: str) -> None:
    answer = live.client.get(path, follow_redirects=False)
    assert_envelope(answer, 404, "NotFound")


def test_a_client_that_hangs_up_in_the_middle_harms_nobody(live: ServerProcess) -> None:
    address = urlsplit(live.url)
    for _ in range(20):
        with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
            connection.sendall(head_of(1000) + b'{"plugin"')
    assert live.client.get("/v1/health").status_code == 200


# What is sent is named in answers; it must not look like what no answer may contain, as body.py does.
TEXT = st.text().filter(lambda text: re.search("Traceback|app|py|srv|detail|_internal", text) is None)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
PLUGINS = st.sampled_from(["text-statistics", "table-profile", "image-analysis", "nobody"])
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "plugin": PLUGINS | ANY_JSON,
        "image": TEXT | ANY_JSON,
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
