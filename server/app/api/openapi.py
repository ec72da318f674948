"""The OpenAPI document says what the server really answers: 400 with the envelope, never 422."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

_UNUSED: Final = ("HTTPValidationError", "ValidationError")
_ENVELOPE: Final = {"$ref": "#/components/schemas/ErrorEnvelope"}


def openapi_document(app: FastAPI) -> dict[str, Any]:
    """The document, made once and kept by the application."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        for operations in document["paths"].values():
            for operation in operations.values():
                _declare_errors(operation["responses"])
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
    responses["400"] = {
        "description": _DESCRIPTIONS["400"],
        "content": {"application/json": {"schema": _ENVELOPE}},
    }


_DESCRIPTIONS: Final = {
    "400": "The request is wrong, or the execution failed; the envelope says why.",
    "404": "There is no such thing.",
    "409": "The thing is in a state in which this cannot be done.",
    "429": "The server has as much to do as it may have; try again later.",
}
