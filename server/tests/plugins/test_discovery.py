"""Finding plugins without importing them, and registering what loads."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from server.app.core.start_error import StartError
from server.app.plugins.isolation.process import ProcessIsolation, process_isolation
from server.app.plugins.isolation.process_settings import ProcessSettings
from server.app.plugins.loader.discovery import BUILTIN_PACKAGE, ENTRY_POINT_GROUP, find_plugins, load_plugins
from server.app.plugins.loader.plugin_registry import PluginRegistry
from server.app.plugins.runtime.tool_runner import ToolRunner

pytestmark = pytest.mark.requirement("R-021")

PLUGIN = """
from server.app.plugins.plugin import PluginSpec

class Dropped:
    spec = PluginSpec(name="{name}", version="1", description="Dropped in.", input_schema={{"type": "object"}},
                      output_schema={{"type": "object"}}, isolation="{isolation}")
    def run(self, payload):
        return {{"from": "{name}"}}

PLUGIN = Dropped
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An importable package without modules."""
    folder = tmp_path / f"dropped_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_builtin_plugins_are_found_without_import() -> None:
    for module in [name for name in sys.modules if name.startswith(f"{BUILTIN_PACKAGE}.")]:
        del sys.modules[module]
    found = find_plugins([BUILTIN_PACKAGE])
    assert [place.label for place in found] == ["image-analysis", "table-profile", "text-statistics"]
    assert not [name for name in sys.modules if name.startswith(f"{BUILTIN_PACKAGE}.")]


@pytest.mark.parametrize("package", ["no_such_package", "json.decoder", "no.such.package", "", ".relative"])
def test_a_package_that_there_is_not(package: str) -> None:
    with pytest.raises(StartError, match="there is no plugin package"):
        find_plugins([package])


@pytest.mark.parametrize("beginning", ["raise SystemExit", None], ids=["regular", "namespace"])
def test_what_a_package_lies_in_is_not_imported(package: Path, beginning: str | None) -> None:
    (package / "__init__.py").write_text("raise SystemExit", encoding="utf-8")
    inner = package / "inner"
    inner.mkdir()
    (inner / "dropped_in.py").touch()
    if beginning is not None:
        (inner / "__init__.py").write_text(beginning, encoding="utf-8")
    name = f"{package.name}.inner"
    assert [place.reference for place in find_plugins([name, name])] == [f"{name}.dropped_in:PLUGIN"]


def test_a_reason_names_files_without_their_folders_and_the_log_with_them(
    package: Path, registry: PluginRegistry, isolation: ProcessIsolation, caplog: pytest.LogCaptureFixture
) -> None:
    (package / "reads.py").write_text("open('/srv/models/secret/model.bin')", encoding="utf-8")
    (package / "misses.py").write_text(f"from {package.name} import nothing", encoding="utf-8")
    load_plugins(registry, isolation, find_plugins([package.name]))
    reasons = {status.name: str(status.reason) for status in registry.statuses()}
    assert reasons["reads"].endswith("'model.bin'")
    assert reasons["misses"].endswith("(__init__.py)")
    assert "'/srv/models/secret/model.bin'" in caplog.text
    _, envelope = ToolRunner(registry, isolation).run("reads", {})
    assert reasons["reads"] in envelope["error"]["message"]


def test_a_system_without_processes_is_no_fault_of_plugins(
    registry: PluginRegistry, isolation: ProcessIsolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_arguments: object, **_options: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refused)
    with pytest.raises(StartError, match="no process can be started for plugins: Resource temporarily unavailable"):
        load_plugins(registry, isolation, find_plugins([BUILTIN_PACKAGE]))


@pytest.mark.requirement("R-112")
@pytest.mark.parametrize("isolation_mode", ["process", "thread"])
def test_a_module_that_is_dropped_in_is_a_plugin(package: Path, registry: PluginRegistry, isolation_mode: str) -> None:
    (package / "dropped_in.py").write_text(PLUGIN.format(name="dropped", isolation=isolation_mode), encoding="utf-8")
    (package / "_private.py").write_text("raise SystemExit", encoding="utf-8")
    isolation = process_isolation(ProcessSettings())
    try:
        load_plugins(registry, isolation, find_plugins([package.name]))
        assert [status.name for status in registry.statuses()] == ["dropped"]
        result, _ = ToolRunner(registry, isolation).run("dropped", {})
        assert result["from"] == "dropped"
    finally:
        isolation.close()


def test_an_entry_point_is_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution = tmp_path / "third_party-1.0.dist-info"
    distribution.mkdir()
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: third-party\nVersion: 1.0\n", encoding="utf-8")
    (distribution / "entry_points.txt").write_text(
        f"[{ENTRY_POINT_GROUP}]\nthird = third_party.plugin:Third\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert [(place.label, place.reference) for place in find_plugins([])] == [("third", "third_party.plugin:Third")]


def test_plugins_of_the_same_name_are_both_shown(
    package: Path, registry: PluginRegistry, isolation: ProcessIsolation
) -> None:
    for module in ("same_a", "same_b", "same"):
        (package / f"{module}.py").write_text(PLUGIN.format(name="same", isolation="process"), encoding="utf-8")
    load_plugins(registry, isolation, find_plugins([package.name]))
    states = {status.name: status.state.value for status in registry.statuses()}
    assert states == {"same": "INITIALIZED", "same-a": "UNAVAILABLE", "same-b": "UNAVAILABLE"}


def test_a_broken_plugin_whose_label_is_taken_is_shown_by_its_place(
    package: Path, registry: PluginRegistry, isolation: ProcessIsolation
) -> None:
    (package / "a_first.py").write_text(PLUGIN.format(name="taken", isolation="process"), encoding="utf-8")
    (package / "taken.py").write_text("1 / 0", encoding="utf-8")
    load_plugins(registry, isolation, find_plugins([package.name]))
    names = [status.name for status in registry.statuses()]
    assert names == [f"{package.name}.taken:PLUGIN", "taken"]
    status = registry.status(names[0])
    assert status is not None
    assert status.reason == "ZeroDivisionError: division by zero"


def test_a_plugin_that_loads_elsewhere_but_not_here_is_unavailable(
    package: Path, registry: PluginRegistry, isolation: ProcessIsolation
) -> None:
    code = "import sys\nif 'pytest' in sys.modules: raise OSError('not here')\n"
    (package / "fickle.py").write_text(code + PLUGIN.format(name="fickle", isolation="thread"), encoding="utf-8")
    load_plugins(registry, isolation, find_plugins([package.name]))
    status = registry.status("fickle")
    assert status is not None
    assert (status.state, status.reason) == ("UNAVAILABLE", "OSError: not here")
