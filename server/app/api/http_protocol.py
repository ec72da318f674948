"""Requests that are no HTTP get the envelope too; uvicorn by itself answers them with a line of plain text."""

from __future__ import annotations

from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.app.api.error_responses import error_response
from server.app.plugins.errors.exceptions import ErrorType

_HEADERS: Final = {"connection": "close", "x-content-type-options": "nosniff", "cache-control": "no-store"}


class EnvelopeProtocol(HttpToolsProtocol):
    """What cannot be parsed never reaches the application, so the answer to it is written here."""

    def send_400_response(self, msg: str) -> None:
        answer = error_response(400, ErrorType.VALIDATION_ERROR, "the request is not valid HTTP", headers=_HEADERS)
        head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + bytes(answer.body))
        self.transport.close()
