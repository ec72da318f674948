"""The gate bites: every violation that is written into a copy of our own server is reported, at its line.

A shortcut is a new file that runs a plugin; all of them stand in the copy together. A mutant replaces one text in one
file. The lines that the contract it is about must report carry the comment `#!`, and no other line may be reported. The
unmutated copy is silent under all contracts.
"""

from __future__ import annotations

import ast
import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from governance.cache import Cache
from governance.engine import scan
from governance.result import ScanResult

ROOT = Path(__file__).parents[2]
RUNS = "only-runner-runs-plugins"
COUNTED = "every-execution-is-counted"
CHECKED = "input-is-validated-first"
STATES = "only-lifecycle-states"
PAIR = "the-runner-answers-with-a-pair"
WAY = "one-way-to-the-runner"
JOBS = "jobs-move-along-the-table"
ENVELOPES = "only-envelopes-leave"
NAMED = "the-caller-names-the-plugin"
UNWRAPPED = "only-runner-unwraps-plugins"
PERMITS = "only-runner-issues-permits"
OUR_OWN = {UNWRAPPED, PERMITS}
GATE = "the-gate-stays"
CONTRACTS = {RUNS, COUNTED, CHECKED, STATES, PAIR, WAY, JOBS, ENVELOPES, NAMED} | OUR_OWN

RUNNER = "server/app/plugins/runtime/tool_runner.py"
REGISTRY = "server/app/plugins/loader/plugin_registry.py"
LIFECYCLE = "server/app/plugins/lifecycle.py"
PLUGIN_SERVICE = "server/app/services/execution/plugin_execution_service.py"
JOB = "server/app/jobs/job.py"
JOB_SERVICE = "server/app/services/execution/job_execution_service.py"
JOB_RECOVERY = "server/app/services/execution/job_recovery.py"
ROUTE = "server/app/api/routes/plugins.py"
SHORTCUT = "server/app/services/execution/shortcut_{}.py"

FINALLY = """        finally:
            self._registry.update_execution_metrics(plugin_name, state, _milliseconds_since(started), had_error)
            run.end()
"""
UPDATE = "self._registry.update_execution_metrics(plugin_name, state, _milliseconds_since(started), had_error)"
EXECUTE = "        result, envelope = self._runner.run(plugin_name, payload)\n"
HEAD = """from server.app.plugins.loader.plugin_registry import PluginRegistry, get_registry
from server.app.plugins.plugin import Plugin
"""
VERDICT = "        verdict = _lifecycle_state(state)\n"


@dataclass(frozen=True)
class Mutant:
    """One violation. broken: the contract reports an anchor instead of a line."""

    name: str
    contract: str
    path: str
    find: str
    replace: str
    broken: bool = False


SHORTCUTS = {
    "direct-call": """
def go(payload):
    return get_registry().unwrap("x").run(payload)  #!
""",
    "aliased": """
def go(plugin: Plugin, payload):
    run = plugin.run  #!
    return run(payload)
""",
    "untyped-parameter": """
def helper(thing, payload):
    return thing.run(payload)  #!


def go(registry: PluginRegistry):
    return helper(registry.unwrap("x"), {})
""",
    "executor": """
def go(pool, plugin: Plugin, payload):
    return pool.submit(plugin.run, payload)  #!
""",
    "thread-target": """
import threading


def go(plugin: Plugin):
    threading.Thread(target=plugin.run, args=({},)).start()  #!
""",
    "to-thread": """
import asyncio


async def go(plugin: Plugin):
    return await asyncio.to_thread(plugin.run, {})  #!
""",
    "partial": """
import functools


def go(plugin: Plugin):
    return functools.partial(plugin.run, {})()  #!
""",
    "getattr": """
def go(plugin: Plugin):
    return getattr(plugin, "run")({})  #!
""",
    "getattr-of-constant": """
VERB = "ru" + "n"


def go(plugin: Plugin):
    return getattr(plugin, VERB)({})  #!
""",
    "methodcaller": """
from operator import methodcaller


def go(plugins: list[Plugin]):
    return list(map(methodcaller("run", {}), plugins))  #!
""",
    "class-function": """
def go(plugin: Plugin):
    return type(plugin).run(plugin, {})  #!
""",
    "container": """
def go(plugins: dict[str, Plugin]):
    return {name: plugin.run({}) for name, plugin in plugins.items()}  #!
""",
    "attribute": """
class Holder:
    def __init__(self, registry: PluginRegistry) -> None:
        self.chosen = registry.unwrap("x")

    def go(self):
        return self.chosen.run({})  #!
""",
    "builtin-plugin": """
from server.app.plugins.builtin.text_statistics import TextStatistics


def go():
    return TextStatistics().run({})  #!
""",
    "walrus-and-lambda": """
def go(registry: PluginRegistry):
    return (lambda: plugin.run({})) if (plugin := registry.unwrap("x")) else None  #!
""",
    "isinstance": """
from server.app.plugins.builtin.text_statistics import TextStatistics


def go(thing: object):
    return thing.run({}) if isinstance(thing, TextStatistics) else None  #!
""",
    "full-width-letters": """
def go(plugin: Plugin):
    return plugin.\uff52\uff55\uff4e({})  #!
""",
}
MUTANTS = [
    Mutant("service-runs-the-plugin", RUNS, PLUGIN_SERVICE, EXECUTE,
           "        return self._runner._registry.unwrap(plugin_name).run(payload), {}  #!\n"),
    Mutant("other-method-of-the-runner", RUNS, RUNNER, "    def run(self, plugin_name",
           "    def warm(self, name: str) -> None:\n        self._registry.unwrap(name).run({})  #!\n\n"
           "    def run(self, plugin_name"),
    Mutant("registry-warms-up", RUNS, REGISTRY, "        spec = check_contract(plugin)\n",
           "        spec = check_contract(plugin)\n        plugin.run({})  #!\n"),
    Mutant("runner-is-gone", RUNS, RUNNER, "class ToolRunner:", "class Runner:", broken=True),
    Mutant("run-is-renamed", RUNS, RUNNER, "    def run(self, plugin_name", "    def start(self, plugin_name",
           broken=True),
    Mutant("metrics-are-gone", COUNTED, RUNNER, FINALLY, "        finally:\n            pass\n"),
    Mutant("metrics-after-the-try", COUNTED, RUNNER, FINALLY,
           "        finally:\n            logger.debug('done')\n        " + UPDATE + "\n"),
    Mutant("metrics-only-on-success", COUNTED, RUNNER, FINALLY,
           "        else:\n            " + UPDATE + "\n"),
    Mutant("metrics-only-on-failure", COUNTED, RUNNER, FINALLY,
           "        finally:\n            if had_error:\n                " + UPDATE + "\n"),
    Mutant("metrics-behind-a-condition", COUNTED, RUNNER, FINALLY,
           "        finally:\n            if self._isolation is not None:\n                " + UPDATE + "\n"),
    Mutant("metrics-after-something-that-fails", COUNTED, RUNNER, FINALLY,
           "        finally:\n            self._registry.handle(plugin_name)\n            " + UPDATE + "\n"),
    Mutant("metrics-after-a-return", COUNTED, RUNNER, FINALLY,
           "        finally:\n            if not started:\n                return {}, {}\n"
           "            " + UPDATE + "\n"),
    Mutant("metrics-in-a-nested-try", COUNTED, RUNNER, FINALLY,
           "        finally:\n            try:\n                self._registry.handle(plugin_name)\n"
           "                " + UPDATE
           + "\n            except Exception:\n                pass\n"),
    Mutant("return-before-the-try", COUNTED, RUNNER, "        try:\n            self._registry.begin(plugin_name)\n",
           "        if not plugin_name:\n            return {}, {}\n        try:\n"
           "            self._registry.begin(plugin_name)\n"),
    Mutant("metrics-method-is-renamed", COUNTED, REGISTRY, "    def update_execution_metrics(",
           "    def record_execution(", broken=True),
    Mutant("validation-is-skipped", CHECKED, RUNNER,
           "            clean = validate_input_payload(payload, rules, apart=rules is not None)\n",
           "            clean = payload\n"),
    Mutant("plugin-runs-before-the-validation", CHECKED, RUNNER,
           "            clean = validate_input_payload(payload, rules, apart=rules is not None)\n",
           "            self._registry.unwrap(self._registry.handle(plugin_name)).run(payload)  #!\n"
           "            clean = validate_input_payload(payload, rules, apart=rules is not None)\n"),
    Mutant("validation-behind-a-condition", CHECKED, RUNNER,
           "            clean = validate_input_payload(payload, rules, apart=rules is not None)\n",
           "            clean = payload\n            if self._isolation is None:\n"
           "                clean = validate_input_payload(payload, rules, apart=rules is not None)\n"),
    Mutant("state-member", STATES, LIFECYCLE, '    FAILED = "FAILED"\n',
           '    FAILED = "FAILED"\n    SUCCESS = "SUCCESS"  #!\n'),
    Mutant("state-second-member", STATES, LIFECYCLE, '    FAILED = "FAILED"\n',
           '    FAILED = "FAILED"\n    PAUSED = "PAUSED"  #!\n'),
    Mutant("state-string-argument", STATES, RUNNER, UPDATE,
           "self._registry.update_execution_metrics(plugin_name, 'SUCCESS', 1.0, had_error)  #!"),
    Mutant("state-keyword-argument", STATES, RUNNER, UPDATE,
           "self._registry.update_execution_metrics(plugin_name, state='ERROR', elapsed_ms=1.0, had_error=True)  #!"),
    Mutant("state-through-a-variable", STATES, RUNNER, "            " + UPDATE,
           "            outcome = 'SUCCESS' if not had_error else 'FAILED'\n"
           "            self._registry.update_execution_metrics(plugin_name, outcome, 1.0, had_error)  #!"),
    Mutant("state-by-getattr", STATES, REGISTRY, VERDICT,
           VERDICT + "        getattr(LifecycleState, 'SUCCESS')  #!\n"),
    Mutant("state-by-subscript", STATES, REGISTRY, VERDICT, VERDICT + "        LifecycleState['ERROR']  #!\n"),
    Mutant("state-by-call", STATES, REGISTRY, VERDICT, VERDICT + "        LifecycleState('ERROR')  #!\n"),
    Mutant("state-in-a-comparison", STATES, REGISTRY, VERDICT,
           VERDICT + "        if verdict == 'SUCCESS':  #!\n            return\n"),
    Mutant("state-in-a-tuple", STATES, REGISTRY, VERDICT,
           VERDICT + "        if verdict in ('SUCCESS', 'FAILED'):  #!\n            return\n"),
    Mutant("registry-is-unwrapped", UNWRAPPED, PLUGIN_SERVICE, EXECUTE,
           "        self._runner._registry.unwrap(plugin_name)  #!\n" + EXECUTE),
    Mutant("permit-is-issued", PERMITS, PLUGIN_SERVICE, EXECUTE,
           "        from server.app.plugins.permit import permit_for\n"
           "        with permit_for(plugin_name, None):  #!\n            pass\n" + EXECUTE),
    Mutant("parameter-is-renamed", PAIR, RUNNER, "def run(self, plugin_name: str, payload: dict[str, Any])",
           "def run(self, plugin_name: str, data: dict[str, Any])"),
    Mutant("runner-returns-one-thing", PAIR, RUNNER, "            return {}, envelope\n",
           "            return envelope\n"),
    Mutant("runner-raises", PAIR, RUNNER, "            return {}, envelope\n", "            raise\n"),
    Mutant("route-skips-two-layers", WAY, ROUTE, "from __future__ import annotations\n",
           "from __future__ import annotations\n\n"
           "from server.app.services.execution.plugin_execution_service import PluginExecutionService  #!\n"),
    Mutant("service-imports-upwards", WAY, PLUGIN_SERVICE, "from typing import Any\n",
           "from typing import Any\n\n"
           "from server.app.services.execution.job_execution_service import JobExecutionService  #!\n"),
    Mutant("job-is-written-by-its-service", JOBS, JOB_RECOVERY,
           "        if job is None or job.is_final:\n            return False\n",
           "        object.__setattr__(job, 'state', JobState.FAILED)  #!\n"),
    Mutant("job-is-changed-past-its-owner", JOBS, JOB_RECOVERY,
           "        error = error_of(ErrorType",
           "        from server.app.jobs.job import changed\n        job = changed(job, state=JobState.FAILED)  #!\n"
           "        error = error_of(ErrorType"),
    Mutant("job-state-of-nobody", JOBS, "server/app/jobs/state.py", '    FAILED = "FAILED"\n',
           '    FAILED = "FAILED"\n    CANCELLED = "CANCELLED"  #!\n'),
    Mutant("table-is-changed-later", JOBS, "server/app/jobs/state.py", "FINAL_STATES: Final",
           "TRANSITIONS[JobState.FAILED] = frozenset({JobState.PENDING})  #!\nFINAL_STATES: Final"),
    Mutant("plugin-by-default", NAMED, PLUGIN_SERVICE, EXECUTE,
           "        plugin_name = plugin_name or 'text-statistics'  #!\n" + EXECUTE),
    Mutant("plugin-of-nobody", NAMED, PLUGIN_SERVICE, EXECUTE,
           "        plugin_name = payload.get('plugin_name', 'text-statistics')  #!\n" + EXECUTE),
    Mutant("plugin-is-hard-coded", NAMED, PLUGIN_SERVICE, EXECUTE,
           EXECUTE.replace("(plugin_name,", "('text-statistics',").rstrip() + "  #!\n"),
    Mutant("server-error", ENVELOPES, ROUTE, "from __future__ import annotations\n",
           "from __future__ import annotations\n\nfrom fastapi import HTTPException\n\n\n"
           "def broken() -> None:\n    raise HTTPException(status_code=500, detail='no')  #!\n"),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("copy of our server")
    shutil.copytree(ROOT / "server", root / "server", ignore=shutil.ignore_patterns("tests", "__pycache__", "*.db*"))
    table = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["governance"]
    assert table["presets"] == ["execution"]
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (root / "pyproject.toml").write_text(text[text.index("[tool.governance]") :], encoding="utf-8")
    return root


def scanned(root: Path, contract: str = "") -> ScanResult:
    """The result of all contracts, or of one of them: the others are switched off in a configuration of its own."""
    config = root / "pyproject.toml"
    if contract:
        text = config.read_text(encoding="utf-8")
        config = root / f"{contract}.toml"
        for other in CONTRACTS - {contract}:
            table = f"[tool.governance.contracts.{other}]\n"
            head, _, rest = text.partition(table)
            text = head + re.sub(r"(?ms)\A.*?(?=^\[|\Z)", "", rest, count=1) if rest else text
            text += "" if other in OUR_OWN else f'\n{table}enabled = false\nbecause = "another mutant is about it"\n'
        config.write_text(text, encoding="utf-8")
    return scan(root, config, Cache(root / ".governance_cache"))


@pytest.mark.requirement("R-002", "R-061", "R-075")
def test_the_unmutated_server_is_silent(copy: Path) -> None:
    result = scanned(copy)
    assert [(each.place, each.message) for each in result.findings] == []
    assert result.problems == ()
    states = {outcome.id: outcome.state for outcome in result.outcomes}
    assert states == dict.fromkeys(CONTRACTS, "kept") | {GATE: "skipped"}  # a copy has no base to compare it with


@pytest.fixture(scope="module")
def reported(copy: Path) -> ScanResult:
    """What the contract says when every shortcut is there."""
    paths = {copy / SHORTCUT.format(name.replace("-", "_")): HEAD + body for name, body in SHORTCUTS.items()}
    for path, text in paths.items():
        ast.parse(text)
        path.write_text(text, encoding="utf-8")
    try:
        return scanned(copy, RUNS)
    finally:
        for path in paths:
            path.unlink()


@pytest.mark.requirement("R-061", "R-074", "R-075")
@pytest.mark.parametrize("name", SHORTCUTS)
def test_the_shortcut_is_reported_at_its_line(reported: ScanResult, name: str) -> None:
    path = SHORTCUT.format(name.replace("-", "_"))
    text = (HEAD + SHORTCUTS[name]).splitlines()
    expected = {number for number, line in enumerate(text, start=1) if line.endswith("#!")}
    found = {each.place.span.line for each in reported.findings if each.fails and each.place.path == path}
    assert found == expected != set()


def test_a_shortcut_makes_no_other_file_wrong(reported: ScanResult) -> None:
    folder = SHORTCUT.partition("{")[0]
    assert [each.place for each in reported.findings if each.fails and not each.place.path.startswith(folder)] == []


@pytest.mark.requirement("R-061", "R-063", "R-064", "R-065", "R-066", "R-067", "R-069", "R-074", "R-075")
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_mutant_is_reported_at_its_line(copy: Path, mutant: Mutant) -> None:
    path = copy / mutant.path
    before = path.read_text(encoding="utf-8")
    assert before.count(mutant.find) == 1, "the mutant no longer fits the code"
    path.write_text(before.replace(mutant.find, mutant.replace), encoding="utf-8")
    ast.parse(path.read_bytes())
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        expected = {(mutant.path, line) for line, text in enumerate(lines, start=1) if text.endswith("#!")}
        result = scanned(copy, mutant.contract)
    finally:
        path.write_text(before, encoding="utf-8")
    failing = [each for each in result.findings if each.fails]
    assert {each.contract for each in failing} == {mutant.contract}
    if mutant.broken:
        assert "anchor" in {each.check for each in failing}
    elif expected:
        assert {(each.place.path, each.place.span.line) for each in failing} == expected
    else:
        # What is missing has no line of its own: the function is reported.
        assert {(each.place.path, each.symbol.removesuffix(".run")) for each in failing} == {
            (mutant.path, "ToolRunner")
        }


@pytest.mark.requirement("R-069", "R-075")
def test_a_move_that_asks_no_table_is_reported_where_it_is_asked_for(copy: Path) -> None:
    path = copy / JOB
    before = path.read_text(encoding="utf-8")
    guard = "    if to not in TRANSITIONS[job.state]:\n        raise JobStateError(job.id, job.state, to)\n"
    assert before.count(guard) == 1
    path.write_text(before.replace(guard, ""), encoding="utf-8")
    try:
        result = scanned(copy, JOBS)
    finally:
        path.write_text(before, encoding="utf-8")
    asked = {each.place.path: each.check for each in result.findings if each.fails}
    assert asked == dict.fromkeys((JOB_SERVICE, JOB_RECOVERY), "illegal-transition")
