"""The outermost layer. Nobody enters without being known, no body above the limit, nobody too often; and nothing but
an answer in the right shape leaves.

It is one ASGI layer, not five, because each costs every request.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.app.access.caller import Caller
from server.app.api.authentication import Authentication
from server.app.api.dependencies import Services
from server.app.api.error_responses import answer_to, error_response
from server.app.api.http_metrics import UNMATCHED, HttpMetrics
from server.app.api.rate_limit import RateLimit
from server.app.core.trace import set_trace, trace_of
from server.app.plugins.errors.exceptions import ErrorType

requests_logger = logging.getLogger("server.requests")

PUBLIC_PATHS: Final = frozenset(
    {"/health", "/v1/health", "/v1/health/simple", "/v1/health/live", "/v1/health/ready", "/docs", "/openapi.json"}
)
"""Open to everybody: signs of life for whatever supervises the server, and what its API is."""

_DOCUMENTATION: Final = "/docs"  # its page loads scripts and styles, all the others nothing
_SECURITY_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_NO_CONTENT: Final = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")


class BodyTooLarge(Exception):
    """More bytes arrived than the limit allows."""


@dataclass(frozen=True, kw_only=True)
class GuardSettings:
    """``requests_per_minute`` is for each key, and for each address without one; ``None`` is without limit."""

    max_body_bytes: int
    key_required: bool = False
    requests_per_minute: int | None = None


class RequestGuard:
    """Turns an exception that nobody handled into an envelope, and a body above the limit into a 413: one that says its
    length is refused unread, one that does not is cut off when it passes the limit.

    ``direct`` are applications for one method and address each, which are asked instead of the one that it is put
    ``around``."""

    def __init__(
        self,
        settings: GuardSettings,
        metrics: HttpMetrics,
        direct: Mapping[tuple[str, str], ASGIApp] = MappingProxyType({}),
    ) -> None:
        self._direct = direct
        self._limit = settings.max_body_bytes
        self._authentication = Authentication(key_required=settings.key_required)
        self._rate = None if settings.requests_per_minute is None else RateLimit(settings.requests_per_minute)
        self._metrics = metrics

    def around(self, app: ASGIApp) -> RequestGuard:
        """Guard this application."""
        self._app = app
        return self

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        traceparent = _header(scope, b"traceparent")
        trace = trace_of(traceparent)
        set_trace(trace)
        exchange = _Exchange(receive, send, self._limit, _added_headers(scope["path"], trace.header()))
        method = scope["method"]
        if method == "HEAD":  # as GET (RFC 9110, 9.3.2); the protocol below sends no body
            scope = {**scope, "method": "GET"}
        try:
            refusal = await self._refusal(scope)
            if refusal is None:
                app = self._direct.get((scope["method"], scope["path"])) or self._app
                await app(scope, exchange.receive, exchange.send)
            else:
                await refusal(scope, receive, exchange.send)
        except asyncio.CancelledError:  # the server ends, and has waited for as long as it may
            if exchange.status:
                raise
            await _stopped()(scope, receive, exchange.send)
        except Exception as failure:
            if exchange.status:
                raise  # half an answer is out: closing the connection is all that is left
            if exchange.too_large:
                exchange.too_large = False
                await self._too_large()(scope, receive, exchange.send)
                return
            answer = await answer_to(scope, failure)
            await answer(scope, receive, exchange.send)
        finally:
            self._observe(method, scope, exchange.status, time.perf_counter() - started)

    async def _refusal(self, scope: Scope) -> Response | None:
        """Why this request is not let in; ``None`` if it is, with its caller in ``scope["state"]``."""
        if scope["path"] not in PUBLIC_PATHS:
            services = _services(scope)
            caller = await self._authentication.caller(scope["headers"], services.keys, services.threads.quick)
            if self._rate is not None:
                wait = self._rate.seconds_to_wait(_counted_as(scope, caller))
                if wait:
                    return _too_many(wait)
            if caller is None:
                return error_response(
                    401,
                    ErrorType.PERMISSION_DENIED,
                    "a valid key is needed, in the header X-API-Key or as Authorization: Bearer",
                    headers={"www-authenticate": "Bearer"},
                )
            scope.setdefault("state", {})["caller"] = caller
        declared = _header(scope, b"content-length") or ""
        return self._too_large() if declared.isdecimal() and int(declared) > self._limit else None

    def _too_large(self) -> Response:
        return error_response(
            413,
            ErrorType.RESOURCE_LIMIT,
            f"the body of the request is larger than {self._limit} bytes",
            details={"limit_bytes": self._limit},
            headers={"connection": "close"},
        )

    def _observe(self, method: str, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", UNMATCHED)
        self._metrics.observe(method, route, status, seconds)
        if requests_logger.isEnabledFor(logging.INFO):
            caller = scope.get("state", {}).get("caller")
            requests_logger.info(
                "request answered",
                extra={
                    "method": method,
                    "route": route,
                    "status": status,
                    "duration_ms": round(seconds * 1000.0, 3),
                    "caller": caller.id if caller else None,
                    "key": caller.key_id if caller else None,
                },
            )


class _Exchange:
    """Counts what comes in, adds to the head of the answer, and notes whether one has begun: ``status`` is 0 before."""

    def __init__(self, receive: Receive, send: Send, limit: int, headers: list[tuple[bytes, bytes]]) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self._headers = headers
        self.status = 0
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
        if self.too_large and not self.status:
            raise BodyTooLarge  # what the application makes of the cut body is not the answer
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        await self._send(message)


def _added_headers(path: str, trace: str) -> list[tuple[bytes, bytes]]:
    headers = [*_SECURITY_HEADERS, (b"traceresponse", trace.encode("ascii"))]
    if path != _DOCUMENTATION:
        headers.append(_NO_CONTENT)
    return headers


def _services(scope: Scope) -> Services:
    found = scope["app"].state.services
    if not isinstance(found, Services):
        raise TypeError("app.state.services was not set at start-up")
    return found


def _counted_as(scope: Scope, caller: Caller | None) -> str:
    """Whose bucket a request is taken from: the key's, or else the address's."""
    if caller is not None and caller.key_id is not None:
        return f"key {caller.key_id}"
    client = scope.get("client")
    return f"address {client[0] if client else 'unknown'}"


def _too_many(wait: float) -> Response:
    seconds = math.ceil(wait)
    return error_response(
        429,
        ErrorType.RESOURCE_LIMIT,
        f"too many requests; the next one may come in {seconds} s",
        details={"retry_after_seconds": seconds},
        headers={"retry-after": str(seconds)},
    )


def _stopped() -> Response:
    return error_response(
        400,
        ErrorType.EXECUTION_ERROR,
        "the server was stopped before it could answer this request",
        headers={"connection": "close"},
    )


def _header(scope: Mapping[str, Any], wanted: bytes) -> str | None:
    """The value of a header that may be there once; sent twice it counts as not valid."""
    values = [value for name, value in scope["headers"] if name == wanted]
    return values[0].decode("latin-1") if len(values) == 1 else None
