"""What may come out of a plugin."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from server.app.plugins.errors.exceptions import OutputValidationError, PluginError
from server.app.plugins.validation import validate_plugin_output
from server.app.plugins.validation.json_text import MAX_DEPTH
from server.app.plugins.validation.schema_rules import SchemaRules

pytestmark = pytest.mark.requirement("R-024", "R-027")

RULES = SchemaRules(
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
)


@dataclass
class Record:
    n: int


class Model(BaseModel):
    n: int


@pytest.mark.parametrize(
    "output", [{"n": 1}, OrderedDict(n=1), Record(1), Model(n=1)], ids=["dict", "ordered dict", "dataclass", "model"]
)
def test_a_structured_result_is_accepted(output: Any) -> None:
    assert validate_plugin_output(output, RULES) == {"n": 1}


@pytest.mark.parametrize(
    ("message", "output"),
    [
        ("returned nothing", None),
        ("must return an object", "text"),
        ("must return an object", 5),
        ("must return an object", True),
        ("must return an object", []),
        ("must return an object", [{"n": 1}]),
        ("must return an object", b"{}"),
        ("must return an object", {1, 2}),
        ("must return an object", Record),
        ("empty result", {}),
        ("does not fit", {"n": "1"}),
        ("does not fit", {"m": 1}),
        ("does not fit", {"n": 1, "m": 1}),
        ("not JSON", {"n": object}),
        ("not JSON", {"n": float("nan")}),
        ("not JSON", {"n": "\ud800"}),
        ("not JSON", {"n": {1, 2}}),
        ("not JSON", {("a", "b"): 1}),
        ("must be an object", {"n": 1, "metadata": "text"}),
    ],
    ids=ascii,
)
def test_anything_else_is_refused(message: str, output: Any) -> None:
    with pytest.raises(OutputValidationError, match=message):
        validate_plugin_output(output, RULES)


@pytest.mark.requirement("R-028")
def test_a_bad_result_is_the_plugins_fault() -> None:
    assert issubclass(OutputValidationError, PluginError)


def test_an_empty_result_counts_where_it_is_declared() -> None:
    assert validate_plugin_output({}, RULES, allows_empty=True) == {}


def test_metadata_alone_is_an_empty_result() -> None:
    with pytest.raises(OutputValidationError, match="empty result"):
        validate_plugin_output({"metadata": {"model": "m"}})


def test_metadata_is_outside_of_the_schema() -> None:
    output = {"n": 1, "metadata": {"model": "m"}}
    assert validate_plugin_output(output, RULES) == output


def test_the_result_is_what_a_json_reader_sees() -> None:
    assert validate_plugin_output({"pair": (1, 2), 3: "three"}) == {"pair": [1, 2], "3": "three"}


def test_a_result_that_holds_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["me"] = loop
    with pytest.raises(OutputValidationError, match="not JSON"):
        validate_plugin_output(loop)


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_a_result_is_no_deeper_than_every_reader_reads(kind: type) -> None:
    def nested(depth: int) -> dict[str, Any]:
        inner: Any = "{[" * MAX_DEPTH
        for _ in range(depth - 1):
            inner = {"in": inner} if kind is dict else kind([inner])
        return {"in": inner, "flat": [[]] * MAX_DEPTH}

    assert validate_plugin_output(nested(MAX_DEPTH))["flat"] == [[]] * MAX_DEPTH
    with pytest.raises(OutputValidationError, match="nested too deeply"):
        validate_plugin_output(nested(MAX_DEPTH + 1))


def test_a_change_of_the_plugins_object_does_not_reach_the_result() -> None:
    inner = [1]
    result = validate_plugin_output({"list": inner})
    inner.append(2)
    assert result == {"list": [1]}
