"""The one shape of errors."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.app.plugins.errors import exceptions
from server.app.plugins.errors.error_envelope import CATEGORIES, build_error_envelope, public_error
from server.app.plugins.errors.exceptions import (
    ErrorType,
    ExecutionCancelled,
    ExecutionLayerError,
    ExecutionTimeout,
    HostedPluginError,
    InputValidationError,
    LimitExceeded,
    OutputValidationError,
    PluginError,
    PluginNotFound,
    PluginProcessDied,
    PluginUnavailable,
)
from server.app.plugins.lifecycle import LifecycleState
from server.app.plugins.validation.json_text import as_json
from server.tests.live.envelope import assert_error

pytestmark = pytest.mark.requirement("R-030", "R-031")

HOSTED = HostedPluginError(
    ErrorType.RESOURCE_LIMIT, "no memory", {"a": 1}, traceback="child's traceback", state=LifecycleState.FAILED
)


@pytest.mark.requirement("R-028", "R-032", "R-034")
@pytest.mark.parametrize(
    ("kind", "failure"),
    [
        ("ValidationError", InputValidationError("m")),
        ("PluginError", OutputValidationError("m")),
        ("PluginError", PluginError("m")),
        ("PluginError", PluginUnavailable("p", "why")),
        ("ExecutionError", PluginProcessDied("m")),
        ("TimeoutError", ExecutionTimeout(1.5)),
        ("Cancelled", ExecutionCancelled()),
        ("ResourceLimit", LimitExceeded("m")),
        ("ResourceLimit", HOSTED),
        ("NotFound", PluginNotFound("p", ["q"])),
        ("InternalError", ExecutionLayerError("m")),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
@pytest.mark.parametrize("in_plugin", [True, False])
def test_our_own_errors_carry_their_type(kind: str, failure: Exception, in_plugin: bool) -> None:
    envelope = build_error_envelope(failure, "p", in_plugin=in_plugin)
    assert envelope["error"]["type"] == kind
    assert_error(envelope["error"])


class Halfway(PluginError):
    """Does not call the constructor of its base."""

    def __init__(self) -> None:
        pass


@pytest.mark.parametrize(
    ("message", "details", "failure"),
    [
        ("m", {}, PluginError("m", {"when": datetime(2026, 1, 1, tzinfo=UTC)})),
        ("m", {}, PluginError("m", {"share": float("nan")})),
        ("m", {}, PluginError("m", {"text": "\ud800"})),
        ("m", {}, PluginError("m", {"much": "x" * 5000})),
        ("m", {"pair": [1, 2], "n": None}, PluginError("m", {"pair": (1, 2), "n": None})),
        ("m?", {}, PluginError("m\ud800")),
        ("m" * 4000, {}, PluginError("m" * 5000)),
        ("the plugin failed", {}, PluginError(Path("/x"))),  # type: ignore[arg-type]  # what authors do
        ("the plugin failed", {}, Halfway()),
    ],
)
def test_what_a_plugin_says_of_its_failure_can_be_stored_and_sent(
    message: str, details: dict[str, Any], failure: PluginError
) -> None:
    error = build_error_envelope(failure, "p", in_plugin=True)["error"]
    assert (error["type"], error["message"], error["details"]) == ("PluginError", message, details)
    assert as_json(error) == error


@pytest.mark.requirement("R-033")
def test_a_foreign_text_is_not_shown() -> None:
    envelope = build_error_envelope(ValueError("password=hunter2 in /etc/app"), "p", in_plugin=True)
    assert "hunter2" not in str(envelope["error"])
    assert envelope["error"]["message"] == "the plugin raised ValueError"
    assert "hunter2" in envelope["_internal"]["traceback"]


@pytest.mark.requirement("R-034")
def test_the_name_of_a_class_decides_nothing() -> None:
    class TimeoutValidationNotFoundError(Exception):
        pass

    envelope = build_error_envelope(TimeoutValidationNotFoundError(), "p", in_plugin=True)
    assert envelope["error"]["type"] == "PluginError"


@pytest.mark.requirement("R-034")
def test_the_traceback_is_there_outside_of_except() -> None:
    def deeper() -> None:
        raise ValueError("deep down")

    try:
        deeper()
    except ValueError as error:
        kept = error
    traceback = build_error_envelope(kept, "p", in_plugin=True)["_internal"]["traceback"]
    assert "in deeper" in traceback
    assert "ValueError: deep down" in traceback


def test_the_traceback_of_another_process_is_kept() -> None:
    assert build_error_envelope(HOSTED, "p", in_plugin=False)["_internal"]["traceback"] == "child's traceback"


def test_an_exception_that_hides_its_own_traceback_is_survived() -> None:
    class Hostile(Exception):
        @property
        def __cause__(self) -> None:  # type: ignore[override]
            raise RuntimeError("no cause for you")

    envelope = build_error_envelope(Hostile(), "p", in_plugin=True)
    assert "could not be written" in envelope["_internal"]["traceback"]


@pytest.mark.requirement("R-032")
@given(
    kind=st.sampled_from(ErrorType),
    message=st.text(min_size=1),
    details=st.dictionaries(st.text(), st.integers() | st.text()),
    plugin=st.none() | st.text(),
)
def test_every_public_error_has_the_shape(
    kind: ErrorType, message: str, details: dict[str, int | str], plugin: str | None
) -> None:
    body = public_error(kind, message, details=details, plugin=plugin)
    assert set(body) == {"error"}
    assert set(body["error"]) == {"type", "message", "details", "plugin", "timestamp"}
    assert (body["error"]["type"], body["error"]["details"]) == (kind.value, details)


@pytest.mark.requirement("R-032")
def test_the_types_are_a_closed_set() -> None:
    assert [kind.value for kind in ErrorType] == [
        "ValidationError",
        "PluginError",
        "ExecutionError",
        "TimeoutError",
        "Cancelled",
        "ResourceLimit",
        "NotFound",
        "PermissionDenied",
        "InternalError",
    ]


@pytest.mark.requirement("R-138")
def test_every_type_has_a_category() -> None:
    assert set(CATEGORIES) == set(ErrorType)
    assert set(CATEGORIES.values()) == {"TOOL_ERROR", "VALIDATION_ERROR", "SYSTEM_ERROR"}


def test_every_error_of_ours_says_its_type() -> None:
    ours = [
        kind
        for kind in vars(exceptions).values()
        if isinstance(kind, type) and issubclass(kind, ExecutionLayerError) and kind is not HostedPluginError
    ]
    assert len(ours) > 10
    assert [kind for kind in ours if kind.type is ErrorType.INTERNAL_ERROR] == [ExecutionLayerError]
