"""What may go into a plugin."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from server.app.plugins.errors.exceptions import InputValidationError
from server.app.plugins.validation import validate_input_payload
from server.app.plugins.validation.input_validator import IMAGE_RULES
from server.app.plugins.validation.schema_rules import MAX_PROBLEMS, SchemaRules

pytestmark = pytest.mark.requirement("R-024")

PIXEL = base64.b64encode(b"not really a picture").decode()
OPTIONS = SchemaRules(
    {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1},
            "ratio": {"type": "number"},
            "deep": {"type": "boolean"},
            "name": {"type": "string", "minLength": 1, "maxLength": 5},
            "mode": {"enum": ["fast", "slow"]},
            "nested": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "integer"}}}},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
)


def problems_of(payload: Any, rules: SchemaRules) -> list[dict[str, str]]:
    with pytest.raises(InputValidationError) as caught:
        validate_input_payload(payload, rules)
    problems: list[dict[str, str]] = caught.value.details["problems"]
    return problems


@pytest.mark.requirement("R-026")
@pytest.mark.parametrize(
    "image", [PIXEL, base64.b64decode(PIXEL), bytearray(b"bytes")], ids=["base64", "bytes", "bytearray"]
)
def test_an_image_is_accepted(image: Any) -> None:
    clean = validate_input_payload({"image": image, "mime_type": "image/png"}, IMAGE_RULES)
    assert isinstance(clean["image"], str)
    assert base64.b64decode(clean["image"])


@pytest.mark.requirement("R-026")
@pytest.mark.parametrize(
    ("problem", "payload"),
    [
        ("'image' is required", {"mime_type": "image/png"}),
        ("must not be empty", {"image": "", "mime_type": "image/png"}),
        ("must not be empty", {"image": b"", "mime_type": "image/png"}),
        ("must be base64 and not empty", {"image": "no base64!", "mime_type": "image/png"}),
        ("must be base64 and not empty", {"image": "QUJ", "mime_type": "image/png"}),
        ("must be base64 and not empty", {"image": "QU JD", "mime_type": "image/png"}),
        ("must be base64 and not empty", {"image": "ÄÖÜß", "mime_type": "image/png"}),
        ("must be of type string", {"image": 5, "mime_type": "image/png"}),
        ("must be of type string", {"image": None, "mime_type": "image/png"}),
        ("'mime_type' is required", {"image": PIXEL}),
        ("must be of type string", {"image": PIXEL, "mime_type": 5}),
        ("must satisfy pattern", {"image": PIXEL, "mime_type": "png"}),
        ("must satisfy pattern", {"image": PIXEL, "mime_type": "text/html"}),
        ("must satisfy pattern", {"image": PIXEL, "mime_type": "image/png\nX-Evil: 1"}),
    ],
)
def test_an_image_is_refused(problem: str, payload: dict[str, Any]) -> None:
    assert any(found["problem"].startswith(problem) for found in problems_of(payload, IMAGE_RULES))


@pytest.mark.requirement("R-025", "R-028")
@pytest.mark.parametrize(
    "payload",
    [
        None,
        5,
        "text",
        [],
        {1: "key"},
        {"n": float("nan")},
        {"n": float("-inf")},
        {"n": object},
        {"text": "\ud800"},
        {"\ud800": 1},
        {"deep": {"b": b"bytes"}},
    ],
    ids=ascii,
)
def test_what_is_no_json_object_is_refused(payload: Any) -> None:
    with pytest.raises(InputValidationError):
        validate_input_payload(payload)


def test_a_payload_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    with pytest.raises(InputValidationError):
        validate_input_payload(loop)


def test_a_payload_that_is_nested_too_deeply_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200_000):
        deep = {"in": deep}
    with pytest.raises(InputValidationError, match="nested too deeply"):
        validate_input_payload(deep)


@pytest.mark.requirement("R-029")
@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ({"count": 7}, {"count": "7"}),
        ({"count": -7}, {"count": "-7"}),
        ({"ratio": 0.5}, {"ratio": "0.5"}),
        ({"deep": True}, {"deep": "True"}),
        ({"deep": False}, {"deep": "false"}),
        ({"name": "007"}, {"name": "007"}),
        ({"mode": "fast"}, {"mode": "fast"}),
    ],
    ids=str,
)
def test_a_text_becomes_what_the_schema_asks_for(expected: dict[str, Any], given: dict[str, Any]) -> None:
    rules = SchemaRules({"type": "object", "properties": OPTIONS_PROPERTIES})
    converted = validate_input_payload(given, rules)
    assert converted == expected
    assert [type(value) for value in converted.values()] == [type(value) for value in expected.values()]


OPTIONS_PROPERTIES: dict[str, Any] = {
    "count": {"type": "integer"},
    "ratio": {"type": "number"},
    "deep": {"type": "boolean"},
    "name": {"type": "string"},
    "mode": {"enum": ["fast", "slow"]},
}


@pytest.mark.requirement("R-029")
@pytest.mark.parametrize(
    ("path", "problem", "payload"),
    [
        ("", "'name' is required", {}),
        ("", "'extra' is not known here", {"name": "a", "extra": 1}),
        ("count", "must be of type integer", {"name": "a", "count": "7.5"}),
        ("count", "must be of type integer", {"name": "a", "count": 7.5}),
        ("count", "must be of type integer", {"name": "a", "count": True}),
        ("count", "must satisfy minimum: 1", {"name": "a", "count": 0}),
        ("ratio", "must be of type number", {"name": "a", "ratio": "inf"}),
        ("deep", "must be of type boolean", {"name": "a", "deep": "maybe"}),
        ("name", "must not be empty", {"name": ""}),
        ("name", "must satisfy maxLength: 5", {"name": "too long"}),
        ("mode", "must be one of fast, slow", {"name": "a", "mode": "medium"}),
        ("nested.list.1", "must be of type integer", {"name": "a", "nested": {"list": [1, "two"]}}),
    ],
)
def test_a_schema_violation_is_told_with_its_path(path: str, problem: str, payload: dict[str, Any]) -> None:
    assert problems_of(payload, OPTIONS) == [{"path": path, "problem": problem}]


def test_a_value_is_never_quoted() -> None:
    assert "hunter2" not in str(problems_of({"name": "hunter2-is-my-password"}, OPTIONS))


def test_problems_are_limited_in_number() -> None:
    rules = SchemaRules({"type": "object", "additionalProperties": {"type": "integer"}})
    assert len(problems_of({f"k{number}": "x" for number in range(100)}, rules)) == MAX_PROBLEMS


def test_the_callers_payload_is_not_changed() -> None:
    given = {"name": "a", "count": "7"}
    validate_input_payload(given, OPTIONS)
    assert given == {"name": "a", "count": "7"}


@pytest.mark.requirement("R-022")
@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"properties": 5}, {"required": "name"}], ids=str)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not a JSON Schema"):
        SchemaRules(schema)


@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/schema.json", "file:///etc/passwd", "#/$defs/missing"])
def test_a_reference_to_elsewhere_is_refused(reference: str) -> None:
    with pytest.raises(ValueError, match="leads to no place"):
        SchemaRules({"type": "object", "properties": {"a": {"anyOf": [{"$ref": reference}]}}})


def test_a_reference_into_the_schema_is_followed() -> None:
    number = {"$defs": {"number": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/number"}}}
    assert problems_of({"a": "x"}, SchemaRules(number)) == [{"path": "a", "problem": "must be of type integer"}]


def test_a_value_that_the_library_cannot_look_into_is_refused_and_no_failure() -> None:
    rules = SchemaRules({"type": "object", "properties": {"text": {"type": "string"}}, "additionalProperties": False})
    deep: object = 1
    for _ in range(400):
        deep = [deep]
    for value in ({"text": deep}, {"text": "a", "more": deep}):
        assert rules.problems(value)
    assert SchemaRules({"properties": {"text": {"minLength": 2}}}).problems({"text": "\ud800"}) == [
        {"path": "", "problem": "holds a text that is not valid Unicode"}
    ]


@pytest.mark.parametrize(
    ("path", "problem", "schema"),
    [
        ("a", "must not be there", {"properties": {"a": False}}),
        ("", "'a' is not known here", {"unevaluatedProperties": False}),
    ],
)
def test_what_may_not_be_there_at_all(path: str, problem: str, schema: dict[str, Any]) -> None:
    assert SchemaRules({"type": "object", **schema}).problems({"a": 1}) == [{"path": path, "problem": problem}]
