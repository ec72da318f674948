"""A JSON Schema, compiled once, that converts and checks values and says what is wrong in a caller's words.

Limits: ``$ref`` reaches only into the schema itself; nothing is ever fetched. Of the annotations,
``contentEncoding: base64`` is enforced.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from jsonschema import Draft202012Validator, SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

MAX_PROBLEMS: Final = 20


def _content_encoding(_validator: Any, encoding: Any, value: Any, _schema: Any) -> Iterator[ValidationError]:
    if encoding == "base64" and isinstance(value, str) and not is_base64(value):
        yield ValidationError("is not base64")


_Validator: Any = extend(Draft202012Validator, {"contentEncoding": _content_encoding})  # type: ignore[no-untyped-call]


def is_base64(text: str) -> bool:
    """Whether ``text`` is non-empty base64 with correct padding and nothing else in it."""
    try:
        return len(binascii.a2b_base64(text.encode("ascii"), strict_mode=True)) > 0
    except (binascii.Error, UnicodeEncodeError):
        return False


class SchemaRules:
    """Raises ``ValueError`` when made from something that is no JSON Schema."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        try:
            _Validator.check_schema(schema)
        except SchemaError as error:
            raise ValueError(f"not a JSON Schema: {error.message}") from None
        _require_own_references(schema)
        self._schema = schema
        self._validator = _Validator(schema, registry=Registry())

    def converted(self, value: dict[str, Any]) -> dict[str, Any]:
        """A copy in which texts became the number or boolean that the schema asks for, where they spell one."""
        return {key: _convert(item, self._schema.get("properties", {}).get(key)) for key, item in value.items()}

    def problems(self, value: object) -> list[dict[str, str]]:
        """What the schema refuses, as ``{"path", "problem"}``; at most ``MAX_PROBLEMS`` of them."""
        found: list[dict[str, str]] = []
        for error in self._validator.iter_errors(value):
            path = ".".join(str(part) for part in error.absolute_path)
            found.extend({"path": path, "problem": text[:200]} for text in _wording(error))
            if len(found) >= MAX_PROBLEMS:
                break
        return found[:MAX_PROBLEMS]


def _require_own_references(schema: Mapping[str, Any]) -> None:
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in _references(schema):
        try:
            if not reference.startswith("#"):
                raise ValueError
            resolver.lookup(reference)
        except (ValueError, Unresolvable):
            raise ValueError(f"not usable: $ref {reference!r} leads to no place in the schema itself") from None


def _references(part: object) -> Iterator[str]:
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(part, list | tuple):
        for item in part:
            yield from _references(item)


def _wording(error: ValidationError) -> list[str]:
    """Our own words, because the library's quote the value, which may be large or private."""
    rule: object = error.validator
    wanted: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    match rule:
        case "required":
            return [f"{name!r} is required" for name in wanted if name not in instance]
        case "additionalProperties":
            known = schema.get("properties", {})
            return [f"{name!r} is not known here" for name in instance if name not in known]
        case "type":
            return [f"must be of type {wanted if isinstance(wanted, str) else ' or '.join(wanted)}"]
        case "enum":
            return [f"must be one of {', '.join(map(str, wanted))}"]
        case "minLength" | "minItems" | "minProperties" if wanted == 1:
            return ["must not be empty"]
        case "contentEncoding":
            return [f"must be {wanted} and not empty"]
        case _:
            return [f"must satisfy {rule}: {wanted}"]


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
