"""What a type checker knows of who calls whom, the scanner knows too. Nothing of this is needed at run time."""

import shutil
import sysconfig
from pathlib import Path

import pytest

from benchmarks.call_graph_oracle import ROOT, compare

REFERENCE = """
class Plugin:
    def run(self): ...


class Mine(Plugin):
    def run(self): ...


def typed(plugin: Plugin):
    plugin.run()


def narrowed(thing: object):
    if isinstance(thing, Mine):
        thing.run()


def smuggled(plugin: Plugin):
    names = ["run"]
    getattr(plugin, names[0])()


plugin = Mine()
plugin.run()
"""


@pytest.mark.slow
def test_the_comparison_sees_edges(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/case.py").write_text(REFERENCE, encoding="utf-8")
    (tmp_path / "app/hidden.pyi").write_text("from app.case import Plugin\nknown: Plugin\n", encoding="utf-8")
    (tmp_path / "app/hidden.py").write_text("known = globals()['x']\n", encoding="utf-8")
    (tmp_path / "app/user.py").write_text(
        "from app.hidden import known\n\n\ndef f():\n    known.run()\n", encoding="utf-8"
    )
    found = compare(tmp_path, "app", ["app.case:Plugin.run"], 0)
    assert found.edges == 4
    # Stubs are what the type checker reads and the scanner does not: for it, the receiver is unresolved.
    assert found.missed == [(("app/user.py", "f"), ("app/case.py", "Plugin.run"))]


@pytest.mark.slow
@pytest.mark.requirement("R-061")
def test_of_the_server_nothing_is_missed() -> None:
    symbols = [
        "server.app.plugins.plugin:Plugin.run",
        "server.app.plugins.loader.plugin_registry:PluginRegistry.unwrap",
        "server.app.plugins.runtime.tool_runner:ToolRunner.run",
        "server.app.plugins.loader.plugin_registry:PluginRegistry.update_execution_metrics",
        "server.app.jobs.job:moved",
    ]
    found = compare(ROOT, "server", symbols, 0)
    assert found.edges > 10
    assert found.missed == []


@pytest.mark.slow
def test_of_a_real_package_nothing_is_missed(tmp_path: Path) -> None:
    shutil.copytree(Path(sysconfig.get_paths()["purelib"], "towncrier"), tmp_path / "towncrier")
    found = compare(tmp_path, "towncrier", [], 1_000)
    assert found.edges > 200
    assert found.missed == []
