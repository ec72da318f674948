"""The one check that every error answer must pass."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx2
from jsonschema_rs import Draft202012Validator

from server.app.plugins.errors.exceptions import ErrorType

ENVELOPE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "type": {"enum": [kind.value for kind in ErrorType]},
                "message": {"type": "string", "minLength": 1},
                "details": {"type": "object"},
                "plugin": {"type": ["string", "null"]},
                "timestamp": {"type": "string"},
            },
            "required": ["type", "message", "details", "plugin", "timestamp"],
            "additionalProperties": False,
        }
    },
    "required": ["error"],
    "additionalProperties": False,
}
ENVELOPE_VALIDATOR = Draft202012Validator(ENVELOPE)
FORBIDDEN = re.compile(r'Traceback|/app/|\.py\b|/srv/|"detail"|_internal')


def assert_error(error: dict[str, Any]) -> None:
    """The content of ``error`` in an envelope has the right shape and gives nothing away."""
    ENVELOPE_VALIDATOR.validate({"error": error})
    assert datetime.fromisoformat(error["timestamp"]).utcoffset() == timedelta(0)
    assert FORBIDDEN.search(repr(error)) is None


def assert_envelope(answer: httpx2.Response, status: int, kind: str) -> dict[str, Any]:
    """The answer is the envelope with this status and type; returns the content of ``error``."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert FORBIDDEN.search(answer.text) is None
    body: dict[str, Any] = answer.json()
    ENVELOPE_VALIDATOR.validate(body)
    error: dict[str, Any] = body["error"]
    assert_error(error)
    assert error["type"] == kind
    return error
