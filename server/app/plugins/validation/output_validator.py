"""Is this result one that the plugin promised?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, Final, Protocol, runtime_checkable

from server.app.plugins.errors.exceptions import OutputValidationError
from server.app.plugins.validation.json_text import as_json
from server.app.plugins.validation.schema_rules import SchemaRules

METADATA: Final = "metadata"
"""The key of a result under which the runner puts plugin name and time; outside of the output schema."""


@runtime_checkable
class Model(Protocol):
    """A structured object that knows its own dictionary form, such as a pydantic model."""

    def model_dump(self) -> dict[str, Any]: ...


def validate_plugin_output(
    output: object, rules: SchemaRules | None = None, *, allows_empty: bool = False
) -> dict[str, Any]:
    """The result as plain JSON data.

    Dictionaries, dataclass instances and models are results; ``None`` and everything else is not. An empty
    result counts only from a plugin that declares it.

    Raises:
        OutputValidationError: ``details["problems"]`` lists path and problem of each.
    """
    if output is None:
        raise OutputValidationError("the plugin returned nothing")
    candidate = _dictionary(output)
    if candidate is None:
        raise OutputValidationError("the plugin must return an object", {"got": type(output).__name__})
    try:
        result: dict[str, Any] = as_json(candidate)
    except ValueError as error:
        raise OutputValidationError(f"the plugin's result is not JSON: {error}") from None
    if not isinstance(result.get(METADATA, {}), dict):
        raise OutputValidationError(f"{METADATA!r} in a plugin's result must be an object")
    promised = {key: value for key, value in result.items() if key != METADATA}
    if not promised and not allows_empty:
        raise OutputValidationError("the plugin returned an empty result, which it does not declare")
    problems = rules.problems(promised) if rules is not None and promised else []
    if problems:
        raise OutputValidationError("the plugin's result does not fit its output schema", {"problems": problems})
    return result


def _dictionary(output: object) -> Mapping[Any, Any] | None:
    if isinstance(output, dict):
        return output
    if is_dataclass(output) and not isinstance(output, type):
        return asdict(output)
    if isinstance(output, Model):
        return output.model_dump()
    return None
