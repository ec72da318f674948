"""What a plugin must be to be registered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from server.app.plugins.loader.contract import PluginContractError, check_contract
from server.app.plugins.plugin import PluginSpec, SpecError
from server.tests.sample_plugins import ANYTHING, SamplePlugin

pytestmark = pytest.mark.requirement("R-021", "R-022", "R-077")

SPEC = SamplePlugin().spec


class NoSpec:
    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return payload


class NoRun:
    spec = SPEC


class RunIsNoMethod:
    spec = SPEC
    run = 5


class RunTakesNothing:
    spec = SPEC

    def run(self) -> dict[str, Any]:
        return {}


class RunTakesTwo:
    spec = SPEC

    def run(self, payload: dict[str, Any], more: int) -> dict[str, Any]:
        return {}


class RunIsAsync:
    spec = SPEC

    async def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {}


class RunIsGenerator:
    spec = SPEC

    def run(self, payload: dict[str, Any]) -> Any:
        yield {}


class BadSchema:
    spec = replace(SPEC, input_schema={"type": "object", "required": "text"})

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {}


class Good:
    spec = SPEC

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        return {}


def test_a_plugin_that_keeps_the_contract() -> None:
    assert check_contract(Good()) is SPEC


@pytest.mark.parametrize(
    ("reason", "candidate"),
    [
        ("needs an attribute 'spec'", NoSpec()),
        ("needs an attribute 'spec'", object()),
        ("needs a method run", NoRun()),
        ("needs a method run", RunIsNoMethod()),
        ("must take exactly one argument", RunTakesNothing()),
        ("must take exactly one argument", RunTakesTwo()),
        ("neither async nor a generator", RunIsAsync()),
        ("neither async nor a generator", RunIsGenerator()),
        ("input_schema is not a JSON Schema", BadSchema()),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_what_does_not_keep_it_is_refused_with_the_reason(reason: str, candidate: object) -> None:
    with pytest.raises(PluginContractError, match=reason):
        check_contract(candidate)


FIELDS: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "Upper"),
    ("name", "a b"),
    ("name", "../etc"),
    ("name", "x" * 65),
    ("name", "a\n"),
    ("name", 5),
    ("version", ""),
    ("description", None),
    ("input_schema", None),
    ("input_schema", {}),
    ("output_schema", {"type": "array"}),
    ("isolation", "container"),
    ("isolation", []),
    ("timeout_seconds", 0),
    ("timeout_seconds", True),
    ("timeout_seconds", float("nan")),
    ("memory_mb", -5),
    ("allows_empty_result", "yes"),
]


@pytest.mark.parametrize(("field", "value"), FIELDS, ids=[f"{field}-{value!r:.12}" for field, value in FIELDS])
def test_a_wrong_field_of_a_spec_is_named(field: str, value: Any) -> None:
    with pytest.raises(SpecError, match=f"{field} must be "):
        replace(SPEC, **{field: value})


def test_all_wrong_fields_are_named_at_once() -> None:
    with pytest.raises(SpecError, match=r"name must be .*; version must be .*; output_schema must be "):
        PluginSpec(name="", version="", description="d", input_schema=ANYTHING, output_schema={})


def test_a_spec_crosses_a_process_boundary() -> None:
    assert PluginSpec.from_json(SPEC.to_json()) == SPEC


@pytest.mark.parametrize("change", [{"extra": 1}, {"name": None}])
def test_a_spec_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SpecError):
        PluginSpec.from_json({**SPEC.to_json(), **change})


def test_a_spec_with_a_field_missing_is_refused() -> None:
    data = SPEC.to_json()
    del data["version"]
    with pytest.raises(SpecError, match="expected exactly the fields"):
        PluginSpec.from_json(data)
