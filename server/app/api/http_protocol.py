"""Requests that are no HTTP get the envelope too; uvicorn by itself answers them with a line of plain text."""

from __future__ import annotations

import re
from http import HTTPMethod, HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.app.api.error_responses import error_response
from server.app.plugins.errors.exceptions import ErrorType

_HEADERS: Final = {"connection": "close", "x-content-type-options": "nosniff", "cache-control": "no-store"}
_METHODS: Final = "DELETE, GET, PATCH, POST"
_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) \S+ HTTP/1\.[01]\r?\n")


class EnvelopeProtocol(HttpToolsProtocol):
    """What cannot be parsed never reaches the application, so the answer to it is written here."""

    _received = b""

    def data_received(self, data: bytes) -> None:
        self._received = data
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        if _has_unknown_method(self._received):
            self._refuse(405, "no address takes this method", {"allow": _METHODS})
        else:
            self._refuse(400, "the request is not valid HTTP", {})

    def _refuse(self, status: int, message: str, headers: dict[str, str]) -> None:
        answer = error_response(status, ErrorType.VALIDATION_ERROR, message, headers=_HEADERS | headers)
        head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
        line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode("ascii")
        self.transport.write(line + head + b"\r\n" + bytes(answer.body))
        self.transport.close()


def _has_unknown_method(data: bytes) -> bool:
    """Whether a request begins here whose line is in order, but for a method that HTTP has no name for."""
    line = _REQUEST_LINE.match(data)
    return line is not None and line[1].decode("ascii") not in set(HTTPMethod)
