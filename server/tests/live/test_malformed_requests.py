"""A thousand malformed requests; `benchmarks/malformed_requests.py` sends a hundred thousand."""

from __future__ import annotations

import asyncio
from itertools import islice
from urllib.parse import urlsplit

import pytest

from server.tests.live.malformed import Tally, malformed_requests, send_malformed
from server.tests.live.server_process import ServerProcess


@pytest.mark.requirement("R-031", "R-033", "R-056")
def test_no_malformed_request_gets_anything_but_the_envelope(live: ServerProcess) -> None:
    address = urlsplit(live.url)
    requests = islice(malformed_requests(seed=1), 1000)
    tally = asyncio.run(
        send_malformed(str(address.hostname), int(address.port or 0), requests, at_once=16, patience=3.0)
    )
    assert tally.faults == []
    assert {400, 404, 405} <= set(tally.statuses)
    assert tally.unanswered < 50  # those that were cut short
    assert live.client.get("/v1/health").status_code == 200


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("a status of 500", b"HTTP/1.1 500 Internal Server Error\r\ncontent-type: application/json\r\n\r\n{}"),
        ("no JSON", b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\r\nInvalid HTTP request received."),
        ("no envelope", b'HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\n\r\n{"error": {"type": "x"}}'),
        ('"detail"', b'HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\n\r\n{"detail": "Not Found"}'),
        ("cannot be read", b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\n\r\n{"),
        ("a status of 500", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 500 Sorry\r\n\r\n"),
        ("Traceback", b'HTTP/1.1 400 Bad\r\ncontent-type: application/json\r\n\r\n{"error": "Traceback"}'),
    ],
)
def test_the_check_sees_what_is_wrong(fault: str, answer: bytes) -> None:
    tally = Tally()
    tally.check(b"GET / HTTP/1.1", answer)
    assert len(tally.faults) == 1
    assert fault in tally.faults[0]
