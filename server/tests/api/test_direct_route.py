"""A direct route answers as FastAPI's own does, whatever is sent."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from fastapi import FastAPI, Request
from starlette.types import Message

from server.app.api.direct_route import DirectRoute
from server.app.api.error_responses import add_error_handlers
from server.app.api.schemas import ExecutionRequest, SubmissionResponse

pytestmark = pytest.mark.requirement("R-056")

GOOD = '{"plugin": "a", "payload": {"b": [1.5, null, "\u00e9"]}}'
JSON = b"application/json"


async def echo(body: ExecutionRequest, request: Request) -> SubmissionResponse:
    return SubmissionResponse(job_id=body.model_dump_json())


def app() -> FastAPI:
    made = FastAPI()
    add_error_handlers(made)
    for path, kind in (("/direct", DirectRoute), ("/plain", None)):
        made.router.add_api_route(
            path, echo, methods=["POST"], response_model=SubmissionResponse, route_class_override=kind
        )
    return made


APP = app()


def answer(path: str, *received: Message, method: str = "POST", content_type: bytes | None = JSON) -> list[Any]:
    """What is sent for a request that these messages bring, without the time of day."""
    sent: list[Any] = []
    coming = iter([*received, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        if "body" in message:
            message = {**message, "body": re.sub(rb'"timestamp": *"[^"]*"', b"", message["body"])}
        sent.append(message)

    headers = [] if content_type is None else [(b"content-type", content_type)]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": headers,
        "server": ("x", 80),
        "client": ("x", 1),
    }
    asyncio.run(APP(scope, receive, send))
    return [
        {**message, "headers": [header for header in message.get("headers", ()) if header[0] != b"content-length"]}
        for message in sent
    ]


def body(text: bytes) -> Message:
    return {"type": "http.request", "body": text, "more_body": False}


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b" ", b"null", b"true", b"0", b'""', b"[]", b"[{}]", b"{}", b"{", b"NaN", b"\x00", b"\xff\xfe\x00"),
        *(GOOD.encode(coding) for coding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32")),
        b'{"plugin": "\xff"}',
        b'{"plugin": "\\ud800", "payload": {}}',
        b'{"plugin": "a", "plugin": "b", "payload": {}, "payload": {"c": 1}}',
        b'{"plugin": 1, "payload": []}',
        b'{"plugin": "a", "payload": {}, "more": 1}',
        b'{"plugin": "a", "image": 1, "mime_type": 2}',
        b'{"plugin": "a", "payload": {"b": 1e999}}',
        b'{"plugin": "a", "payload": {"b": ' + b"9" * 5000 + b"}}",
        b"[" * 100_000,
        GOOD.encode() + b"x",
    ],
    ids=lambda text: ascii(text[:40] + text[-1:]),
)
def test_whatever_the_body(text: bytes) -> None:
    assert answer("/direct", body(text)) == answer("/plain", body(text))


@pytest.mark.parametrize("text", [GOOD.encode(), b"{", b""], ids=["good", "bad", "empty"])
@pytest.mark.parametrize(
    "content_type",
    [
        *(None, b"", b"text/json", b"text/plain", b"application", b"/json", b"*/*", b"\xff\xfe"),
        *(b"APPLICATION/JSON", b"application/json ;x", b"application/json; charset=utf-16"),
        *(b"application/problem+json", b"application/+json", b"application/json5", b"application/json/x"),
        *(b"application/json, text/plain", b"application /json", b"multipart/form-data; boundary=x"),
    ],
)
def test_whatever_the_type_of_the_body(text: bytes, content_type: bytes | None) -> None:
    direct, plain = (answer(path, body(text), content_type=content_type) for path in ("/direct", "/plain"))
    assert direct == plain


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT"])
def test_another_method(method: str) -> None:
    assert answer("/direct", body(b""), method=method) == answer("/plain", body(b""), method=method)


def test_a_client_that_goes_away_while_it_sends_is_no_defect_of_the_server() -> None:
    half = {"type": "http.request", "body": b"{", "more_body": True}
    gone = answer("/direct", half)
    assert gone == answer("/plain", half)
    assert gone[0]["status"] == 400
    assert b"ValidationError" in gone[1]["body"]
