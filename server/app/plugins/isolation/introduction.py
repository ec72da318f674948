"""What a new plugin process says of its plugin, which is the plugin's own word and is checked as such."""

from __future__ import annotations

import time

from server.app.plugins.errors.clean import clean_text
from server.app.plugins.isolation.answer import json_object
from server.app.plugins.isolation.child import AnswerTooLarge, Child, ChildEnded, ChildTimeout
from server.app.plugins.isolation.isolation import PluginLoadError, PluginLoadKilled
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.loader.contract import schema_problems
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.validation.json_text import as_json


def introduction(child: Child, settings: ProcessSettings) -> PluginSpec:
    """The spec in the first frame of a new process; raises ``PluginLoadError``."""
    seconds = settings.start_seconds
    try:
        hello = json_object(child.receive(time.monotonic() + seconds))
    except ChildTimeout:
        raise PluginLoadError(f"loading it took longer than {seconds:g} s") from None
    except (ChildEnded, AnswerTooLarge, ValueError) as error:
        killed = isinstance(error, ChildEnded) and error.killed
        kind = PluginLoadKilled if killed else PluginLoadError
        raise kind(f"its process ended while it was loaded: {error}") from None
    if "spec" not in hello:
        raise PluginLoadError(clean_text(hello.get("reason")) or "no reason was given")
    try:
        spec = PluginSpec.from_json(as_json(hello["spec"]))
    except (TypeError, ValueError) as error:
        raise PluginLoadError(f"its description is wrong: {error}") from None
    problems = schema_problems(spec)
    problems += [f"it needs {need}, which is not granted" for need in spec.needs if need not in settings.granted]
    if problems:
        raise PluginLoadError("; ".join(problems))
    return spec
