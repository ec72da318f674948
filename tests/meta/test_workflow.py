"""The CI workflow: its shape, and its commands run as written on a clean checkout."""

import os
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import run_workflow
from tests.meta.shell import CHECKOUT, Shell

FILE = CHECKOUT / ".github/workflows/execution-ci.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[Any, Any]:
    loaded = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.mark.requirement("R-084")
def test_name_triggers_and_job(workflow: dict[Any, Any]) -> None:
    assert workflow["name"] == "Execution Governance CI"
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True] == {"pull_request": None, "push": {"branches": ["main"]}}
    assert list(workflow["jobs"]) == ["execution-governance"]


@pytest.mark.requirement("R-085", "R-081")
def test_the_mandatory_sequence_comes_in_its_order(workflow: dict[Any, Any]) -> None:
    assert [command for _, command in run_workflow.commands(workflow)] == [
        "python3 scripts/dev.py check --format github",
        "python3 scripts/dev.py test server/tests/plugins",
        "python3 scripts/dev.py test server/tests/execution",
        "python3 scripts/dev.py lint",
        "python3 scripts/dev.py coverage",
        "python3 scripts/dev.py test -m slow",
        "python3 scripts/dev.py test tests/meta/test_wheel.py",
    ]


@pytest.mark.requirement("R-088")
def test_the_pull_request_shows_findings_and_may_wait_for_the_job(workflow: dict[Any, Any]) -> None:
    (job,) = workflow["jobs"].values()
    first = next(run_workflow.commands(workflow))
    assert first == ("Scanner", "python3 scripts/dev.py check --format github")
    # A rule for merging waits for a check by its name, and for each, so no path or condition may leave the job out.
    assert job["name"] == "execution-governance (${{ matrix.python }})"
    assert "if" not in job
    assert "paths" not in str(workflow[True])


@pytest.mark.requirement("R-078")
def test_the_diagram_of_the_gates_is_what_is_there(workflow: dict[Any, Any]) -> None:
    page = (CHECKOUT / "docs/explanation/enforcement.md").read_text(encoding="utf-8")
    names = dict(re.findall(r"(\w+)\[(\w+)\]", page))
    arrows = re.findall(r"^ +(\w+)(?:\[\w+\])? --> (\w+)", page, re.MULTILINE)
    assert [(names[one], names[other]) for one, other in arrows] == [
        ("Developer", "Code"),
        ("Code", "Scanner"),
        ("Scanner", "CI"),
        ("CI", "Merge"),
    ]
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert next(hook["id"] for repo in hooks for hook in repo["hooks"]) == "governance"
    assert next(run_workflow.commands(workflow))[0] == "Scanner"
    assert "policy" in (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.requirement("R-085")
def test_no_step_may_fail_unnoticed(workflow: dict[Any, Any]) -> None:
    (job,) = workflow["jobs"].values()
    assert "continue-on-error" not in str(workflow)
    assert [step["name"] for step in job["steps"] if "if" in step] == ["Keep the coverage report"]


@pytest.mark.requirement("R-086")
def test_pythons_cache_and_coverage_report(workflow: dict[Any, Any]) -> None:
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"] == {"python": ["3.11", "3.12", "3.13"]}
    uses = {step["uses"].partition("@")[0]: step["with"] for step in job["steps"] if "uses" in step}
    assert uses["actions/setup-python"]["cache"] == "pip"
    assert (CHECKOUT / uses["actions/setup-python"]["cache-dependency-path"]).is_file()
    assert uses["actions/upload-artifact"]["path"] == "build/coverage/coverage.xml"


@pytest.mark.requirement("R-084")
def test_actions_are_pinned_and_permissions_minimal(workflow: dict[Any, Any]) -> None:
    used = re.findall(r"uses: (\S+)(.*)", FILE.read_text(encoding="utf-8"))
    assert used
    for action, comment in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
        assert re.fullmatch(r" # v\d+\.\d+\.\d+", comment)
    (job,) = workflow["jobs"].values()
    assert (workflow["permissions"], job["permissions"]) == ({}, {"contents": "read"})


@pytest.mark.parametrize(
    "step",
    [
        pytest.param({"run": "echo ${{ github.ref }}"}, id="an expression"),
        pytest.param({"run": "make", "env": {"A": "b"}}, id="an environment"),
        pytest.param({"run": "make", "env": {"A": "${{ github.event.pull_request.number }}-b"}}, id="and more"),
        pytest.param({"run": "make", "env": {"A": "${{ secrets.KEY }}"}}, id="a secret"),
        pytest.param({"run": "make", "shell": "pwsh"}, id="another shell"),
        pytest.param({"run": "make", "working-directory": "app"}, id="another folder"),
    ],
)
def test_a_command_that_cannot_run_elsewhere_is_refused(step: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cannot be run as written"):
        list(run_workflow.commands({"jobs": {"a": {"steps": [step]}}}))


def test_what_is_said_of_a_pull_request_is_not_needed() -> None:
    step = {"run": "make", "env": {"BASE": "${{ github.event.pull_request.base.sha }}"}}
    assert list(run_workflow.commands({"jobs": {"a": {"steps": [step]}}})) == [("make", "make")]


@pytest.mark.requirement("R-221")
def test_the_scanner_compares_a_pull_request_with_its_base(workflow: dict[Any, Any]) -> None:
    (job,) = workflow["jobs"].values()
    steps = {step["name"]: step for step in job["steps"]}
    assert steps["Check out"]["with"]["fetch-depth"] == 0
    assert steps["Scanner"]["env"] == {"GOVERNANCE_BASE": "${{ github.event.pull_request.base.sha }}"}


def test_commands_run_in_order_until_one_fails(tmp_path: Path) -> None:
    steps = ["echo a >log", "false | true", "echo never >>log"]
    file = tmp_path / "workflow.yml"
    file.write_text(yaml.safe_dump({"jobs": {"a": {"steps": [{"run": step} for step in steps]}}}), encoding="utf-8")
    done = Shell(tmp_path).run([sys.executable, CHECKOUT / "scripts/run_workflow.py", file, tmp_path])
    assert done.returncode == 1
    assert (tmp_path / "log").read_text(encoding="utf-8") == "a\n"
    assert "== false | true: exit 1" in done.stdout


@pytest.mark.slow
@pytest.mark.requirement("R-087", "R-081", "R-095")
@pytest.mark.skipif("GITHUB_ACTIONS" in os.environ, reason="this is the run itself")  # APPROVED: it would start itself
def test_every_command_runs_as_written_on_a_clean_checkout() -> None:
    done = Shell(CHECKOUT).run([sys.executable, "scripts/dev.py", "ci"], seconds=3600)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
