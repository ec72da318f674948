"""A route that answers past FastAPI's machinery for forms, streams and dependencies, which takes longer for a small
request than everything else that the server does about it.

To the OpenAPI document and to other routes it is a route like any other. The application hands the requests for its
address to the guard, and the guard to it, so they do not pass the layers of FastAPI and Starlette either; what it
raises, the guard answers as they would.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from email.message import Message
from typing import Any, TypeVar, get_type_hints

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

Body = TypeVar("Body", bound=BaseModel)


class DirectApp(FastAPI):
    """Asks ``entrances``, by method and address, before anything else: the outermost layer of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.entrances: dict[tuple[str, str], ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        entrance = self.entrances.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if entrance is None:
            await super().__call__(scope, receive, send)
        else:
            scope["app"] = self
            await entrance(scope, receive, send)


class DirectRoute(APIRoute):
    """For an endpoint ``(body, request)`` without dependencies, whose body is JSON in the form of a model.

    What the endpoint returns is an answer, or a model that becomes one as it is: nobody asks whether it is of the
    declared class.
    """

    def __init__(self, path: str, endpoint: Callable[..., Awaitable[Response | BaseModel]], **options: Any) -> None:
        super().__init__(path, endpoint, **options)
        self._answer = endpoint
        self._form: type[BaseModel] = get_type_hints(endpoint)["body"]
        self.app = self.respond

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request for this method and address."""
        scope["route"] = self
        body = body_as(self._form, await _body(receive), _header(scope, b"content-type"))
        answer = await self._answer(body, Request(scope, receive))
        if not isinstance(answer, Response):
            answer = Response(answer.model_dump_json(), media_type="application/json")
        await answer(scope, receive, send)


def body_as(form: type[Body], body: bytes, content_type: str) -> Body:
    """The body of a request as this model.

    Raises:
        RequestValidationError: it is none, with the places and reasons that FastAPI gives.
        HTTPException: it cannot be read at all.
    """
    if not body:
        raise RequestValidationError([{"type": "missing", "loc": ("body",), "msg": "Field required", "input": None}])
    try:
        given = json.loads(body) if _is_json(content_type) else body
    except json.JSONDecodeError as error:
        place = ("body", error.pos)
        raise RequestValidationError([{"type": "json_invalid", "loc": place, "msg": error.msg, "input": {}}]) from None
    except (ValueError, RecursionError):  # not Unicode, a number that is too long, nested too deeply
        raise HTTPException(400) from None
    try:
        return form.model_validate(given, from_attributes=True)
    except ValidationError as error:
        problems = [{**problem, "loc": ("body", *problem["loc"])} for problem in error.errors(include_url=False)]
        raise RequestValidationError(problems) from None


@functools.lru_cache(maxsize=32)
def _is_json(content_type: str) -> bool:
    message = Message()
    message["content-type"] = content_type
    kind = message.get_content_subtype()
    return message.get_content_maintype() == "application" and (kind == "json" or kind.endswith("+json"))


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":  # no defect of ours, though nobody will read the answer
            raise HTTPException(400)
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def _header(scope: Scope, wanted: bytes) -> str:
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found.decode("latin-1")
    return ""
