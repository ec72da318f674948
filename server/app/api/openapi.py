"""The OpenAPI document says what the server really answers: the envelope with each error, and never 422."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from server.app.api.guard import PUBLIC_PATHS

_UNUSED: Final = ("HTTPValidationError", "ValidationError")
_ENVELOPE: Final = {"$ref": "#/components/schemas/ErrorEnvelope"}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document, made once and kept by the application."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _declare_errors(operation["responses"])
                if "requestBody" in operation:
                    operation["responses"]["413"] = _error("413")
                if path not in PUBLIC_PATHS:
                    _declare_access(operation)
        document["components"]["securitySchemes"] = _SECURITY_SCHEMES
        schemas = document["components"]["schemas"]
        for name in _UNUSED:
            schemas.pop(name, None)
        app.openapi_schema = document
    return app.openapi_schema


def _declare_errors(responses: dict[str, Any]) -> None:
    responses.pop("422", None)
    for status, response in responses.items():
        if status >= "400":
            response["description"] = _DESCRIPTIONS[status]
    responses["400"] = _error("400")


def _declare_access(operation: dict[str, Any]) -> None:
    operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
    for status in ("401", "403", "429"):
        operation["responses"][status] = _error(status)


def _error(status: str) -> dict[str, Any]:
    return {"description": _DESCRIPTIONS[status], "content": {"application/json": {"schema": _ENVELOPE}}}


_SECURITY_SCHEMES: Final = {
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer"},
}
_DESCRIPTIONS: Final = {
    "400": "The request is wrong, or the execution failed; the envelope says why.",
    "401": "The server asks for a key, and there was none, or none that holds.",
    "403": "The key does not allow this.",
    "404": "There is no such thing.",
    "409": "The thing is in a state in which this cannot be done.",
    "413": "The body is larger than the server takes.",
    "429": "Too many requests; the header Retry-After says when the next one may come.",
    "503": "The server cannot carry out requests now.",
}
