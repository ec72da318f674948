"""Asks for a library that is not there, when it is called."""

from typing import Any

from server.app.plugins.errors.exceptions import MissingDependency
from server.app.plugins.plugin import PluginSpec


class NeedsLibrary:
    spec = PluginSpec(
        name="needs-library",
        version="0",
        description="Cannot work here.",
        input_schema={"type": "object"},
        output_schema={"type": "object"},
    )

    def run(self, payload: dict[str, Any]) -> dict[str, Any]:
        raise MissingDependency("the program 'exiftool' is not installed")


PLUGIN = NeedsLibrary
