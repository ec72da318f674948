"""Clients that let the server wait, and more of them than it has connections for."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from server.tests.live.server_process import ServerProcess

pytestmark = pytest.mark.requirement("R-056")

HEAD = b"POST /v1/analyze-execution HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
BODY = b'{"plugin": "text-statistics", "payload": {"text": "a"}}'
WHOLE = HEAD + b"content-length: %d\r\n\r\n" % len(BODY) + BODY


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Waits half a second for a client."""
    folder = tmp_path_factory.mktemp("hasty") / "data"
    with ServerProcess(folder, CLIENT_PATIENCE_SECONDS="0.5", PLUGIN_PACKAGES="") as server:
        yield server


def connected(server: ServerProcess) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)


def sockets_of(files: Path) -> int:
    found = 0
    for file in files.iterdir():
        with suppress(FileNotFoundError):
            found += str(file.readlink()).startswith("socket:")
    return found


def answer(connection: socket.socket) -> bytes:
    try:
        return b"".join(iter(lambda: connection.recv(65536), b""))
    except ConnectionResetError:
        return b""


@pytest.mark.parametrize(
    ("begins", "pieces"),
    [
        pytest.param(b"", [b""], id="silent-from-the-start"),
        pytest.param(b"HTTP/1.1 400 ", [WHOLE[:20]], id="silent-in-the-head"),
        pytest.param(b"HTTP/1.1 400 ", [WHOLE[:20], *[b"x"] * 20], id="a-head-in-drops"),
        pytest.param(b"HTTP/1.1 400 ", [WHOLE[:-5]], id="silent-in-the-body"),
        pytest.param(b"HTTP/1.1 200 ", [WHOLE[:-10], *(bytes([byte]) for byte in WHOLE[-10:])], id="a-body-in-drops"),
    ],
)
def test_a_client_is_waited_for_so_long(hasty: ServerProcess, begins: bytes, pieces: list[bytes]) -> None:
    with connected(hasty) as connection:
        for piece in pieces:
            try:
                connection.sendall(piece)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(0.06)
        found = connection.recv(65536)
    assert found.startswith(begins)
    assert bool(found) == bool(begins)


def test_what_comes_too_late_for_a_request_that_has_its_answer_is_nobodys(hasty: ServerProcess) -> None:
    with connected(hasty) as connection:
        connection.sendall(WHOLE[:-5].replace(b"host", b"x-api-key: nonsense\r\nhost"))
        assert answer(connection).startswith(b"HTTP/1.1 401 ")  # and the end of what the server sends
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(WHOLE[-5:] + b"nonsense\r\n\r\n")
        assert hasty.client.get("/v1/health").status_code == 200  # it comes in after that
    assert "Traceback" not in hasty.log.read_text("utf-8")


def test_a_client_that_leaves_with_requests_one_behind_another_is_no_defect_of_ours(hasty: ServerProcess) -> None:
    for _ in range(5):
        with connected(hasty) as connection:
            connection.sendall(WHOLE * 3)
            connection.shutdown(socket.SHUT_WR)  # the server takes this for a client that has gone
            answer(connection)
    deadline = time.monotonic() + 20
    while hasty.client.get("/v1/analyze-execution/jobs?status=running").json()["jobs"]:
        assert time.monotonic() < deadline
    assert hasty.execute("text-statistics", text="a").status_code == 200  # after what came of the others
    assert hasty.client.get("/v1/errors").json()["errors"] == []
    assert "Traceback" not in hasty.log.read_text("utf-8")


def test_an_answer_that_nobody_reads_is_dropped(hasty: ServerProcess) -> None:
    hasty.client.close()
    files = Path(f"/proc/{hasty.process.pid}/fd")
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before it is connected, or it is too late
        address = urlsplit(hasty.url)
        connection.connect((str(address.hostname), int(address.port or 0)))
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n" * 500)
        time.sleep(0.1)
        open_at_first = sockets_of(files)
        deadline = time.monotonic() + 20
        while sockets_of(files) >= open_at_first:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Has ten connections."""
    with ServerProcess(tmp_path_factory.mktemp("narrow") / "data", MAX_CONNECTIONS="10", PLUGIN_PACKAGES="") as server:
        server.client.close()
        yield server


def test_one_connection_too_many_ends_the_one_that_was_silent_longest(narrow: ServerProcess) -> None:
    with ExitStack() as stack:
        silent, *others = (stack.enter_context(connected(narrow)) for _ in range(10))
        silent.sendall(WHOLE[:10])
        time.sleep(0.1)
        for connection in others:
            connection.sendall(WHOLE[:10])
        time.sleep(1.1)  # whose connection is younger keeps it
        newest = stack.enter_context(connected(narrow))
        newest.sendall(WHOLE)
        assert newest.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert answer(silent) == b""
        for connection in others:
            connection.sendall(WHOLE[10:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_nobody_who_may_be_about_to_ask_is_sent_away_for_another(narrow: ServerProcess) -> None:
    with ExitStack() as stack:
        first = [stack.enter_context(connected(narrow)) for _ in range(10)]
        assert answer(stack.enter_context(connected(narrow))).startswith(b"HTTP/1.1 429 ")
        for connection in first:
            connection.sendall(WHOLE)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
