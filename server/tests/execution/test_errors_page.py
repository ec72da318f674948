"""The page about errors says what the code does."""

from __future__ import annotations

import builtins
import re
from pathlib import Path

import pytest

from server.app import main  # it imports every module that has errors
from server.app.plugins.errors.error_envelope import CATEGORIES, classify
from server.app.plugins.errors.exceptions import ExecutionLayerError, HostedPluginError

PAGE = (Path(__file__).parents[3] / "docs/explanation/errors.md").read_text("utf-8")
FOUND = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", PAGE, re.MULTILINE)
ROWS = {name: (kind, category) for name, kind, category in FOUND}


def classes(base: type[ExecutionLayerError]) -> set[type[ExecutionLayerError]]:
    """Those of the server; tests and plugins define their own."""
    found = {kind for kind in base.__subclasses__() if kind.__module__.startswith("server.app.")}
    return found.union(*map(classes, found))


@pytest.mark.requirement("R-034", "R-035", "R-138")
def test_every_error_of_the_server_is_in_the_table_with_its_type_and_category() -> None:
    ours = {kind.__name__: (kind.type.value, CATEGORIES[kind.type]) for kind in classes(ExecutionLayerError)}
    del ours[HostedPluginError.__name__]  # it has the type that the plugin's process found
    assert {name: row for name, row in ROWS.items() if not hasattr(builtins, name)} == ours


@pytest.mark.requirement("R-034", "R-035")
@pytest.mark.parametrize("name", [name for name in ROWS if hasattr(builtins, name)])
def test_every_error_of_a_plugin_is_in_the_table_as_it_is_classified(name: str) -> None:
    kind, _, _ = classify(getattr(builtins, name)(), in_plugin=True)
    assert ROWS[name] == (kind.value, CATEGORIES[kind])


@pytest.mark.requirement("R-035")
def test_what_the_diagram_names_is_there() -> None:
    diagram = PAGE.split("```")[1]
    sources = "".join(path.read_text("utf-8") for path in (Path(main.__file__).parent).rglob("*.py"))
    names = set(re.findall(r"\b(?:[A-Z]\w+(?:Service|Runner|Guard|Protocol)|\w+_\w{4,})\b", diagram))
    assert {"ToolRunner", "RequestGuard", "EnvelopeProtocol", "ErrorLogService"} <= names
    assert [name for name in names if name not in sources and name != "error_id"] == []
