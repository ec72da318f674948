"""Requests that are wrong in every way that we could think of, drawn from a seed, and the check of what comes back."""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from server.tests.live.envelope import ENVELOPE_VALIDATOR, FORBIDDEN

PATHS: Final = (
    "/v1/analyze-execution",
    "/v1/analyze-execution/async",
    "/v1/analyze-execution/jobs",
    "/v1/analyze-execution/jobs/00000000-0000-4000-8000-000000000000",
    "/v1/analyze-execution/jobs/00000000-0000-4000-8000-000000000000/result",
    "/v1/plugins",
    "/v1/plugins/text-statistics/health",
    "/v1/errors",
    "/v1/errors/00000000-0000-4000-8000-000000000000",
    "/v1/health",
    "/v1/health/detailed",
    "/v1/metrics",
    "/openapi.json",
)
_METHODS: Final = "GET POST PUT PATCH DELETE HEAD OPTIONS TRACE PROPFIND CONNECT BREW get G@T".split()
_PIECES: Final = (
    "..", ".", "%00", "%2e%2e", "%ff", "%", "%zz", "a" * 300, "'", '"', "<script>", "\\", ";", "~", "*", "0", "-1",
    "\u00e4", "[", "{job_id}", "null", "%F0%9F%92%A9", "nobody",
)  # fmt: skip
_QUERIES: Final = (
    "limit=0", "limit=-1", "limit=x", "limit=1e9", "limit=99999999999999999999", "offset=-1", "offset=%00", "=",
    "status=DONE", "status=", "status=%ff", "plugin=" + "a" * 100, "after=x", "after=%00", "type=Nonsense", "%",
    "fix_applied=maybe", "limit=1&limit=x", "&&&", "a[]=1", "limit[]=1",
)  # fmt: skip
_HEADERS: Final = (
    b"content-type: text/html", b"content-type: application/json; charset=\xff", b"content-type: multipart/form-data",
    b"x-api-key: nonsense", b"x-api-key:", b"x-api-key: \xff\xfe", b"authorization: Bearer", b"accept: nothing/at-all",
    b"authorization: Basic YTpi", b"traceparent: nonsense", b"range: bytes=0-", b"expect: 100-continue",
    b"traceparent: 00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-00", b"idempotency-key: " + b"k" * 300,
    b"idempotency-key:", b"content-encoding: gzip", b"upgrade: websocket\r\nconnection: upgrade", b"origin: null",
    b"cookie: " + b"c=" * 500, b"host: " + b"h" * 1000, b"x: " + b"y" * 20_000, b"accept-encoding: \x01",
)  # fmt: skip
_BROKEN_HEADERS: Final = (
    b"no colon at all", b" leading: blank", b"na me: x", b"null\x00: x", b"x: a\x00b", b": no name", b"x: a\rb",
    b"content-length: -5", b"content-length: abc", b"content-length: 99999999999999999999999", b"\xff\xfe: x",
    b"content-length: 1\r\ncontent-length: 2", b"content-length: 5\r\ntransfer-encoding: chunked",
    b"transfer-encoding: gibberish", b"content-length: +5",
    b"transfer-encoding: chunked\r\ntransfer-encoding: chunked",
)  # fmt: skip
_FIRST_LINES: Final = (
    b"", b"GET", b"GET /", b"GET / HTTP/9.9", b"GET  /  HTTP/1.1", b"/ GET HTTP/1.1", b"GET / HTTP/1.1 x", b"A" * 5000,
    b"GET / HTP/1.1", b"GET nowhere HTTP/1.1", b"GET /\xff HTTP/1.1", b"GET http:// HTTP/1.1", b"PRI * HTTP/2.0",
    b"GET /a b HTTP/1.1", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"GET / HTTP/1.1\x00", b"GET * HTTP/1.1",
)  # fmt: skip
_VALUES: Final = (
    "null", "true", "0", "-1", "1e400", "NaN", "-Infinity", "9" * 400, '""', '"a"', '"\\ud800"', '"\\u0000"', "[]",
    "{}", '"text-statistics"', '"nobody"', '{"text": "a"}', '{"text": 5}', '{"text": "a", "top": NaN}',
    "[" * 200 + "]" * 200, '{"a":' * 2000 + "1" + "}" * 2000, '"image/png"', '"QUJD"', '{"text": "a", "text": "b"}',
    "[[[]]]", '"' + "x" * 5000 + '"',
)  # fmt: skip
_NAMES: Final = (
    "plugin", "payload", "image", "mime_type", "extra", "", "__proto__", "fix_applied", "fix_details", "\\u0000",
)  # fmt: skip


def malformed_requests(seed: int) -> Iterator[bytes]:
    """An endless row of requests, always the same for the same seed. Each ends the connection or is cut short."""
    draw = random.Random(seed)  # to repeat a run, not to keep a secret
    while True:
        (kind,) = draw.choices(_KINDS, weights=_WEIGHTS)
        yield kind(draw)


def _wrong_address(draw: random.Random) -> bytes:
    if draw.random() < 0.4:
        path = draw.choice(PATHS) + draw.choice(("/", "//", "?", "#x", "%20"))
    else:
        pieces = (*_PIECES, *draw.choice(PATHS).split("/")[1:])
        path = "/" + "/".join(draw.choice(pieces) for _ in range(draw.randint(1, 5)))
    return _request(draw, draw.choice(_METHODS), path)


def _wrong_method(draw: random.Random) -> bytes:
    return _request(draw, draw.choice(_METHODS), draw.choice(PATHS), body=b"{}" if draw.random() < 0.5 else None)


def _wrong_query(draw: random.Random) -> bytes:
    query = "&".join(draw.sample(_QUERIES, draw.randint(1, 3)))
    return _request(draw, "GET", f"{draw.choice(PATHS)}?{query}")


def _wrong_headers(draw: random.Random) -> bytes:
    headers = draw.sample(_HEADERS, draw.randint(1, 4))
    body = b'{"plugin": "text-statistics", "payload": {"text": 1}}'
    return _request(draw, draw.choice(("GET", "POST", "PATCH")), draw.choice(PATHS), headers=headers, body=body)


def _wrong_json(draw: random.Random) -> bytes:
    fields = [f'"{draw.choice(_NAMES)}": {draw.choice(_VALUES)}' for _ in range(draw.randint(0, 4))]
    text = "{" + ", ".join(fields) + "}" if draw.random() < 0.8 else draw.choice(_VALUES)
    return _with_body(draw, text.encode("utf-8"))


def _broken_json(draw: random.Random) -> bytes:
    body = bytearray(b'{"plugin": "text-statistics", "payload": {"text": "some words", "top": 3}}')
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(len(body))
        body[at : at + draw.randint(0, 3)] = draw.randbytes(draw.randint(0, 3))
    return _with_body(draw, bytes(body))


def _noise(draw: random.Random) -> bytes:
    return _with_body(draw, draw.randbytes(draw.randint(0, 200)))


def _wrong_chunks(draw: random.Random) -> bytes:
    wrong = (b"zz\r\nab\r\n", b"5\r\nab\r\n0\r\n\r\n", b"-1\r\n", b"f" * 18 + b"\r\na", b"2\r\nabX\r\n", b"\x00")
    head = f"POST {PATHS[0]} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n"
    return head.encode("ascii") + b"transfer-encoding: chunked\r\n\r\n" + draw.choice(wrong)


def _broken_head(draw: random.Random) -> bytes:
    first = draw.choice(_FIRST_LINES) if draw.random() < 0.5 else f"GET {draw.choice(PATHS)} HTTP/1.1".encode("ascii")
    return first + b"\r\nhost: x\r\nconnection: close\r\n" + draw.choice(_BROKEN_HEADERS) + b"\r\n\r\nbody"


def _damaged(draw: random.Random) -> bytes:
    """A good request with a few bytes changed anywhere."""
    data = bytearray(_with_body(draw, b'{"plugin": "text-statistics", "payload": {"text": "some words"}}'))
    for _ in range(draw.randint(1, 5)):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data)


def _no_http(draw: random.Random) -> bytes:
    return draw.randbytes(draw.randint(1, 400)) + b"\r\n\r\n"


def _cut_short(draw: random.Random) -> bytes:
    data = _with_body(draw, b'{"plugin": "text-statistics", "payload": {"text": "some words"}}')
    return data[: draw.randrange(1, len(data))]


_STATUS: Final = re.compile(rb"HTTP/1\.1 (\d{3}) ")
_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: (\d+)")

_KINDS: Final[tuple[Callable[[random.Random], bytes], ...]] = (
    _wrong_address,
    _wrong_method,
    _wrong_query,
    _wrong_headers,
    _wrong_json,
    _broken_json,
    _noise,
    _wrong_chunks,
    _broken_head,
    _damaged,
    _no_http,
    _cut_short,
)
_WEIGHTS: Final = (14, 8, 12, 12, 16, 14, 6, 3, 6, 3, 5, 1)


def _with_body(draw: random.Random, body: bytes) -> bytes:
    path = draw.choice((*PATHS[:2], *PATHS[:2], PATHS[8]))
    return _request(draw, "PATCH" if path.startswith("/v1/errors") else "POST", path, body=body)


def _request(
    draw: random.Random, method: str, path: str, *, headers: list[bytes] | None = None, body: bytes | None = None
) -> bytes:
    lines = [f"{method} {path} HTTP/1.1".encode(), b"host: x", b"connection: close", *(headers or ())]
    if body is not None:
        kind = draw.choice((b"application/json",) * 9 + (b"text/plain",))
        lines += [b"content-type: " + kind, b"content-length: %d" % len(body)]
    return b"\r\n".join([*lines, b"", body or b""])


@dataclass
class Tally:
    """What came back: how many answers of each status, how many requests without any, and what was wrong."""

    statuses: Counter[int] = field(default_factory=Counter)
    unanswered: int = 0
    faults: list[str] = field(default_factory=list)

    def check(self, request: bytes, answer: bytes) -> None:
        """Of what came back: what is no whole request can be two of them, so there may be several answers."""
        if not answer:
            self.unanswered += 1
        rest = answer
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            if head.startswith(b"HTTP/1.1 100"):
                continue
            length = _LENGTH.search(head)
            bare = request.startswith(b"HEAD ") and (not rest or rest.startswith(b"HTTP/1.1 "))
            size = 0 if bare else int(length[1]) if length else len(rest)
            body, rest = rest[:size], rest[size:]
            found = _STATUS.match(head)
            status = int(found[1]) if found else 999  # what is no answer is as bad as none could be
            self.statuses[status] += 1
            fault = self._fault(request, status, head.lower(), body)
            if fault:
                self.faults.append(f"{fault}: {request[:300]!r} was answered {answer[:600]!r}")

    def _fault(self, request: bytes, status: int, head: bytes, body: bytes) -> str | None:
        if status >= 500:
            return "a status of 500 or above"
        if status < 300:
            return None
        if b"content-type: application/json" not in head:
            return "an error that is no JSON"
        if request.startswith(b"HEAD ") and not body:
            return None
        text = body.decode("ascii", "replace")
        given_away = FORBIDDEN.search(text)
        if given_away:
            return f"an error with {given_away[0]} in it"
        try:
            error = ENVELOPE_VALIDATOR.is_valid(json.loads(text))
        except ValueError:
            return "a body that cannot be read"
        return None if error else "a body that is no envelope"


async def send_malformed(host: str, port: int, requests: Iterator[bytes], *, at_once: int, patience: float) -> Tally:
    """Send all requests, each over a connection of its own; one without an answer after ``patience`` s is given up."""
    tally = Tally()

    async def sender() -> None:
        for request in requests:
            tally.check(request, await _answer(host, port, request, patience))

    await asyncio.gather(*(sender() for _ in range(at_once)))
    return tally


async def _answer(host: str, port: int, request: bytes, patience: float) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    answer = b""
    try:
        writer.write(request)
        async with asyncio.timeout(patience):
            while part := await reader.read(65536):
                answer += part
    except (TimeoutError, ConnectionError):
        pass
    finally:
        writer.transport.abort()
    return answer
