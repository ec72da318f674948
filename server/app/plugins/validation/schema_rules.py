"""A JSON Schema, compiled once, that converts and checks values and says what is wrong in a caller's words.

Limits: ``$ref`` reaches only into the schema itself and into those of JSON Schema, which the library brings along;
nothing is ever fetched. Of the annotations, ``contentEncoding: base64`` is enforced.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, ValidationError

MAX_PROBLEMS: Final = 20


class _ContentEncoding:
    def __init__(self, _parent: dict[str, Any], value: Any, _path: list[str | int]) -> None:
        self._is_base64 = value == "base64"

    def validate(self, instance: Any) -> None:
        if self._is_base64 and isinstance(instance, str) and not is_base64(instance):
            raise ValueError("is not base64")


def is_base64(text: str) -> bool:
    """Whether ``text`` is non-empty base64 with correct padding and nothing else in it."""
    try:
        return len(binascii.a2b_base64(text.encode("ascii"), strict_mode=True)) > 0
    except (binascii.Error, UnicodeEncodeError):
        return False


class SchemaRules:
    """Raises ``ValueError`` when made from something that is no JSON Schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = dict(schema)
        try:
            self._validator = Draft202012Validator(
                self._schema, offline=True, keywords={"contentEncoding": _ContentEncoding}
            )
        except ValidationError as error:
            if error.kind.name == "$ref":
                raise ValueError("not usable: a $ref leads to no place in the schema itself") from None
            raise ValueError(f"not a JSON Schema: {error.message}") from None

    def converted(self, value: dict[str, Any]) -> dict[str, Any]:
        """A copy in which texts became the number or boolean that the schema asks for, where they spell one."""
        return {key: _convert(item, self._schema.get("properties", {}).get(key)) for key, item in value.items()}

    def problems(self, value: object) -> list[dict[str, str]]:
        """What the schema refuses, as ``{"path", "problem"}``; at most ``MAX_PROBLEMS`` of them."""
        try:
            if self._validator.is_valid(value):
                return []
            errors = list(islice(self._validator.iter_errors(value), MAX_PROBLEMS))
        except UnicodeEncodeError:
            return [{"path": "", "problem": "holds a text that is not valid Unicode"}]
        except (ValueError, RecursionError):  # the library looks into a value a few hundred levels deep
            return [{"path": "", "problem": "is nested too deeply to be checked"}]
        found: list[dict[str, str]] = []
        for error in errors:
            path = ".".join(str(part) for part in error.instance_path)
            found.extend({"path": path, "problem": text[:200]} for text in self._wording(error))
        return found[:MAX_PROBLEMS]

    def _wording(self, error: ValidationError) -> list[str]:
        """Our own words, because the library's quote the value, which may be large or private."""
        rule = error.kind.name
        wanted = self._at(error.schema_path)
        match rule:
            case "required":
                return [f"{error.kind.value!r} is required"]
            case "additionalProperties" | "unevaluatedProperties":
                return [f"{name!r} is not known here" for name in error.kind.value]
            case "type" if wanted is not None:
                return [f"must be of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"]
            case "enum" if wanted is not None:
                return [f"must be one of {', '.join(map(str, wanted))}"]
            case "minLength" | "minItems" | "minProperties" if wanted == 1:
                return ["must not be empty"]
            case "falseSchema":
                return ["must not be there"]
            case "contentEncoding":
                return [f"must be {wanted} and not empty"]
            case _:
                return [f"must satisfy {rule}: {wanted}"]

    def _at(self, path: list[str | int]) -> Any:
        """What the schema says at this place."""
        found: Any = self._schema
        try:
            for step in path:
                found = found[step]
        except (KeyError, IndexError, TypeError):
            return None  # it stands in a schema that the library brings along
        return found


def _convert(value: Any, schema: Any) -> Any:
    if not isinstance(value, str) or not isinstance(schema, Mapping):
        return value
    try:
        match schema.get("type"):
            case "integer":
                return int(value)
            case "number":
                number = float(value)
                return number if math.isfinite(number) else value
            case "boolean":
                return {"true": True, "false": False}.get(value.lower(), value)
            case _:
                return value
    except ValueError:
        return value
