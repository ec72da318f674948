"""The pre-commit hooks, run by pre-commit itself: ours on this repository, the published one in somebody else's."""

import sys
from pathlib import Path

import pytest
import yaml

from tests.meta.shell import CHECKOUT, Shell

PRE_COMMIT = Path(sys.executable).with_name("pre-commit")


def locked(package: str) -> str:
    """The requirement line of a package in the wheel's lock, without its hashes."""
    lines = (CHECKOUT / "requirements/wheel.txt").read_text(encoding="utf-8").splitlines()
    (line,) = (line for line in lines if line.startswith(f"{package}=="))
    return line.removesuffix(" \\")


@pytest.mark.requirement("R-079", "R-083")
def test_our_own_configuration_runs_the_scanner_then_the_rest() -> None:
    config = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert [hook["id"] for hook in hooks] == ["governance", "ruff", "mypy", "commit-message"]
    scanner = hooks[0]
    assert scanner["additional_dependencies"] == [locked("libcst")]
    assert (scanner["pass_filenames"], scanner["always_run"], scanner["require_serial"]) == (False, True, True)
    assert "commit-msg" in config["default_install_hook_types"]


@pytest.mark.slow
@pytest.mark.requirement("R-080")
def test_all_of_our_hooks_pass_on_this_repository(tmp_path: Path) -> None:
    done = Shell(CHECKOUT, PRE_COMMIT_HOME=str(tmp_path)).run([PRE_COMMIT, "run", "--all-files"], seconds=600)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """A repository with this work tree as its only commit, uncommitted changes included."""
    shell = Shell(tmp_path_factory.mktemp("published"), GIT_CONFIG_GLOBAL="/dev/null")
    listing = Shell(CHECKOUT).git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    for name in listing.split("\0")[:-1]:
        target = shell.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (CHECKOUT / name).is_file():
            target.write_bytes((CHECKOUT / name).read_bytes())
    shell.git("init", "--quiet", "--initial-branch=main")
    shell.git("add", "--all")
    shell.git("commit", "--quiet", "-m", "as it is")
    return shell


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environment of the hook; making one takes it some seconds."""
    return tmp_path_factory.mktemp("environments")


GOVERNED = """
[contracts.only-the-runner-runs-plugins]
type = "confined-call"
methods = ["app.plugin:Plugin.run"]
allowed = ["app.runner:ToolRunner.run"]
because = "every execution is validated, timed and counted in one place"
instead = "call ToolRunner.run"
"""
PLUGIN = "class Plugin:\n    def run(self, payload: dict[str, object]) -> dict[str, object]:\n        return payload\n"
RUNNER = """
from app.plugin import Plugin

class ToolRunner:
    def __init__(self, plugin: Plugin) -> None:
        self.plugin = plugin

    def run(self, payload: dict[str, object]) -> dict[str, object]:
        return self.plugin.run(payload)
"""
BYPASS = "from app.plugin import Plugin\n\ndef direct(plugin: Plugin) -> object:\n    return plugin.run({})\n"


@pytest.fixture
def governed(published: Shell, environments: Path, tmp_path: Path) -> Shell:
    """Somebody else's project, whose commits go through the published hook."""
    shell = Shell(tmp_path / "theirs", GIT_CONFIG_GLOBAL="/dev/null", PRE_COMMIT_HOME=str(environments))
    shell.write("governance.toml", GOVERNED)
    shell.write("app/__init__.py", "")
    shell.write("app/plugin.py", PLUGIN)
    shell.write("app/runner.py", RUNNER)
    rev = published.git("rev-parse", "HEAD").strip()
    config = {"repos": [{"repo": str(published.folder), "rev": rev, "hooks": [{"id": "governance"}]}]}
    shell.write(".pre-commit-config.yaml", yaml.safe_dump(config))
    shell.git("init", "--quiet", "--initial-branch=main")
    assert shell.run([PRE_COMMIT, "install"]).returncode == 0
    return shell


@pytest.mark.requirement("R-079", "R-082")
def test_a_commit_that_breaks_a_contract_is_refused(governed: Shell) -> None:
    first = governed.commit("kept")
    assert first.returncode == 0, first.stdout + first.stderr

    governed.write("app/api.py", BYPASS)
    refused = governed.commit("broken")
    assert refused.returncode == 1
    assert "app/api.py:4" in refused.stdout + refused.stderr
    assert "only-the-runner-runs-plugins" in refused.stdout + refused.stderr
    assert governed.git("log", "--format=%s").split() == ["kept"]

    governed.write("app/api.py", BYPASS.replace("plugin.run({})", "plugin"))
    assert governed.commit("mended").returncode == 0

    governed.git("rm", "--quiet", "app/runner.py")
    deleted = governed.commit("only deletes a file, and with it the anchor")
    assert deleted.returncode == 1
    assert "app.runner:ToolRunner.run" in deleted.stdout + deleted.stderr


@pytest.mark.requirement("R-079")
def test_what_is_committed_is_judged_not_what_lies_around(governed: Shell) -> None:
    governed.commit("kept")
    governed.write("app/api.py", BYPASS)
    governed.git("add", "app/api.py")
    governed.write("app/api.py", "")
    refused = governed.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-m", "broken"])
    assert refused.returncode == 1
    assert "app/api.py:4" in refused.stdout + refused.stderr
