"""The outermost layer: nothing but an answer in the right shape leaves it, and no body above the limit enters."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.app.api.error_responses import error_response, internal_error
from server.app.plugins.errors.exceptions import ErrorType

logger = logging.getLogger(__name__)


class BodyTooLarge(Exception):
    """More bytes arrived than the limit allows."""


class RequestGuard:
    """Answers 413 to a body above ``max_body_bytes``, and turns an exception that nobody handled into an envelope.

    A body that says its length is refused unread; one that does not is cut off when it passes the limit.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._limit = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = _Exchange(receive, send, self._limit)
        if _declared_length(scope) > self._limit:
            await self._too_large()(scope, receive, state.send)
            return
        try:
            await self._app(scope, state.receive, state.send)
        except Exception as failure:
            if state.answered:
                raise  # half an answer is out: closing the connection is all that is left
            if state.too_large:
                await self._too_large()(scope, receive, send)
                return
            logger.error("%s %s failed", scope["method"], scope["path"].encode("ascii", "replace"), exc_info=failure)
            await internal_error()(scope, receive, send)

    def _too_large(self) -> ASGIApp:
        return error_response(
            413,
            ErrorType.RESOURCE_LIMIT,
            f"the body of the request is larger than {self._limit} bytes",
            details={"limit_bytes": self._limit},
            headers={"connection": "close"},
        )


class _Exchange:
    """Counts what comes in and notes whether an answer has begun."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self.answered = False
        self.too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                self.too_large = True
                raise BodyTooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.too_large and not self.answered:
            raise BodyTooLarge  # what the application makes of the cut body is not the answer
        self.answered = True
        await self._send(message)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0
