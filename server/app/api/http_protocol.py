"""What happens on a connection before a request reaches the application, and when none ever does.

Requests that are no HTTP get the envelope too; uvicorn by itself answers them with a line of plain text. And a client
can be slow, silent or greedy at no cost to itself: here is how long it is waited for, how long the head of its request
may be, and whose connection goes when there are too many.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPMethod, HTTPStatus
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from server.app.api.error_responses import error_response
from server.app.api.one_protocol import OneProtocolParser, head_without_upgrade
from server.app.plugins.errors.exceptions import ErrorType

MAX_HEAD_BYTES: Final = 64 * 1024
"""What comes in one packet with the rest of a longer head is let through: the limit is there for memory."""

_HEADERS: Final = {"connection": "close", "x-content-type-options": "nosniff", "cache-control": "no-store"}
_METHODS: Final = "DELETE, GET, PATCH, POST"
_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) \S+ HTTP/1\.[01]\r?\n")
_LINGER_SECONDS: Final = 2.0
_SILENT_SECONDS: Final = 1.0  # whose connection is younger may be about to ask


class _Part(Enum):
    """What of a request comes next."""

    NOTHING = auto()
    HEAD = auto()
    BODY = auto()


@dataclass(frozen=True)
class Patience:
    """How long a client may take for the head of a request, be silent in its body, or leave an answer unread; and how
    many connections there may be: for one more, that of the client that was silent longest is closed."""

    seconds: float = 30.0
    connections: int = 1000


class EnvelopeProtocol(HttpToolsProtocol):
    """What cannot be parsed never reaches the application, so the answer to it is written here."""

    patience = Patience()
    parser: OneProtocolParser

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parser = OneProtocolParser(self)
        self._answered: RequestResponseCycle | None = None  # what is answered now, or was answered last
        self._awaited = _Part.NOTHING
        self._received = b""
        self._begins = True  # whether a request begins with what was received last
        self._unfinished = 0  # bytes of a head, or of what follows a body, that have led to nothing yet
        self._heard_at = self.loop.time()
        self._began_at: float | None = None
        self._unread = 0
        self._refused = False
        self._last_words = b""
        self._watch: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._watch = self.loop.call_later(self.patience.seconds, self._look)
        if len(self.connections) > self.patience.connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True  # uvicorn tells the request that came last, which may wait behind this
            self._answered.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._refused or self.transport.is_closing():
            return  # what follows a request that was refused is nobody's
        self._heard_at = self.loop.time()
        self._begins = self._awaited is _Part.NOTHING
        self._received = data
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > MAX_HEAD_BYTES and not self.transport.is_closing():
            message = f"the head of the request is larger than {MAX_HEAD_BYTES} bytes"
            self._refuse(413, message, {}, ErrorType.RESOURCE_LIMIT)

    def on_message_begin(self) -> None:
        self._awaited = _Part.HEAD
        self._began_at = self._heard_at
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What comes after the body in the shape of headers must not become headers: a key, for example.
        if self._awaited is _Part.HEAD:  # as uvicorn, without another call for each
            name = name.lower()
            self.headers.append((name, value))
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True

    def head_again(self) -> bytes:
        return head_without_upgrade(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)

    def on_headers_complete(self) -> None:
        self._unfinished = 0
        if self.parser.is_read_again():
            return
        names = [name for name, _ in self.headers]
        if names.count(b"host") != 1 and (b"host" in names or self.parser.get_http_version() == "1.1"):
            raise ValueError("a request names one host")  # RFC 9112, 3.2
        codings = [value.strip().lower() for name, value in self.headers if name == b"transfer-encoding"]
        if codings not in ([], [b"chunked"]):
            raise ValueError("no other coding is known here")
        super().on_headers_complete()
        self._awaited = _Part.BODY

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unfinished = 0
        if self.parser.is_read_again():
            return
        self._awaited = _Part.NOTHING
        super().on_message_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        others_wait = bool(self.pipeline)
        super().on_response_complete()
        if self._refused and not others_wait:
            self._say_last_words()

    def send_400_response(self, msg: str) -> None:
        if self._begins and _has_unknown_method(self._received):
            self._refuse(405, "no address takes this method", {"allow": _METHODS})
        else:
            self._refuse(400, "the request is not valid HTTP", {})

    def _refuse(
        self, status: int, message: str, headers: dict[str, str], kind: ErrorType = ErrorType.VALIDATION_ERROR
    ) -> None:
        """Answer the request that comes in, after those before it were answered, and end the connection."""
        if self._refused:
            return
        answer = error_response(status, kind, message, headers=_HEADERS | headers)
        head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
        line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode("ascii")
        self._refused = True
        self._last_words = line + head + b"\r\n" + bytes(answer.body)
        others_wait = not self._is_answered
        if self._awaited is _Part.BODY:  # then the last cycle is that of the refused request itself
            if self.cycle.response_started:
                self._last_words = b""  # it has its answer
            others_wait = bool(self.pipeline)
            if others_wait:
                self.pipeline.popleft()
        if not others_wait:
            self._say_last_words()

    def _say_last_words(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(self._last_words)
        # Closed at once, with something unread, the connection would be reset, and the answer lost with it.
        self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)

    @property
    def _works(self) -> bool:
        """Whether a request that has come in full waits for its answer."""
        return bool(self.pipeline) or not (self._is_answered or self._awaited is _Part.BODY)

    @property
    def _is_answered(self) -> bool:
        """Whether the last request whose head has come in, if there was any, has its answer."""
        last: RequestResponseCycle | None = self.cycle
        return last is None or last.response_complete

    def _look(self) -> None:
        """End the connection of a client that lets us wait for too long; else look again."""
        seconds = self.patience.seconds
        now = self.loop.time()
        self._watch = self.loop.call_later(seconds / 2, self._look)
        unread = self.transport.get_write_buffer_size()
        if unread and unread == self._unread:
            self.transport.abort()
            return
        self._unread = unread
        if self._refused or self._works or self.flow.read_paused:
            return
        if self._began_at is None:
            if now - self._heard_at > seconds:
                self.transport.close()  # nothing was ever asked; between two requests uvicorn's own patience holds
        elif self._awaited is not _Part.NOTHING:
            since = self._began_at if self._awaited is _Part.HEAD else self._heard_at
            if now - since > seconds:
                self._refuse(400, "the request took too long to come in", {})

    def _make_room(self) -> None:
        peers: Iterable[object] = self.connections
        others = [other for other in peers if isinstance(other, EnvelopeProtocol) and other is not self]
        longest = min((other for other in others if not other._works), key=lambda other: other._heard_at, default=self)
        if self._heard_at - longest._heard_at > _SILENT_SECONDS:
            self.connections.discard(longest)  # it is told later, and must not be chosen again until then
            longest.transport.abort()
        else:
            message = "there are too many connections; try again later"
            self._refuse(429, message, {"retry-after": "1"}, ErrorType.RESOURCE_LIMIT)


def protocol_with(patience: Patience) -> type[EnvelopeProtocol]:
    """uvicorn makes its protocols itself, so what they are to know is theirs from the start."""
    return type("PatientProtocol", (EnvelopeProtocol,), {"patience": patience})


def _has_unknown_method(data: bytes) -> bool:
    """Whether a request begins here whose line is in order, but for a method that HTTP has no name for."""
    line = _REQUEST_LINE.match(data)
    return line is not None and line[1].decode("ascii") not in set(HTTPMethod)
