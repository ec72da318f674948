"""Plugins made on the spot, for tests that run them in their own thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from server.app.plugins.plugin import PluginSpec

ANYTHING: dict[str, Any] = {"type": "object"}


class SamplePlugin:
    """Does what the given function does, and counts its calls."""

    def __init__(
        self,
        behaviour: Callable[[dict[str, Any]], Any] = lambda payload: {"got": payload},
        *,
        name: str = "sample",
        input_schema: dict[str, Any] = ANYTHING,
        output_schema: dict[str, Any] = ANYTHING,
        allows_empty_result: bool = False,
    ) -> None:
        self.spec = PluginSpec(
            name=name,
            version="1",
            description="A plugin of a test.",
            input_schema=input_schema,
            output_schema=output_schema,
            allows_empty_result=allows_empty_result,
        )
        self.calls = 0
        self._behaviour = behaviour

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        result: dict[str, Any] = self._behaviour(payload)
        return result


def raising(failure: BaseException) -> Callable[[dict[str, Any]], Any]:
    """A behaviour that raises."""

    def behaviour(_payload: dict[str, Any]) -> Any:
        raise failure

    return behaviour
