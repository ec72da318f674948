"""Is this payload one that the plugin can be given?"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from server.app.plugins.errors.exceptions import InputValidationError
from server.app.plugins.validation.json_text import to_json_text
from server.app.plugins.validation.schema_rules import SchemaRules

IMAGE_INPUT: Final[dict[str, Any]] = {
    "image": {
        "type": "string",
        "minLength": 1,
        "contentEncoding": "base64",
        "description": "The bytes of the image file, as base64.",
    },
    "mime_type": {
        "type": "string",
        "pattern": r"^image/[a-z0-9][a-z0-9.+-]{0,63}$",
        "description": "The media type of the image file, for example image/png.",
    },
}
"""The two properties that the input schema of every image plugin holds and requires."""

IMAGE_RULES: Final = SchemaRules({"type": "object", "properties": IMAGE_INPUT, "required": ["image", "mime_type"]})


def validate_input_payload(payload: object, rules: SchemaRules | None = None, *, apart: bool = False) -> dict[str, Any]:
    """The payload in the form that the plugin gets: bytes as base64, numbers as numbers.

    Without ``rules`` only what holds for every plugin is checked: a JSON object. What is done to one that is given
    ``apart`` is not done to ``payload``.

    Raises:
        InputValidationError: ``details["problems"]`` lists path and problem of each.
    """
    if not isinstance(payload, dict):
        raise InputValidationError("the payload must be a JSON object", {"got": type(payload).__name__})
    if [key for key in payload if not isinstance(key, str)]:
        raise InputValidationError("every key of the payload must be a text")
    clean = {key: _plain(value) for key, value in payload.items()}
    try:
        text = to_json_text(clean)
    except ValueError as error:
        raise InputValidationError(f"the payload is not JSON: {error}") from None
    if apart:
        clean = json.loads(text)
    if rules is None:
        return clean
    clean = rules.converted(clean)
    problems = rules.problems(clean)
    if problems:
        raise InputValidationError("the payload does not fit the plugin's input schema", {"problems": problems})
    return clean


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode("ascii") if isinstance(value, bytes | bytearray) else value
