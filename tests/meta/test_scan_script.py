"""`scripts/scan_execution_violations.py` is the scanner by another name."""

import ast
import sys
from pathlib import Path

import pytest

from tests.meta.shell import CHECKOUT, Shell

SCRIPT = CHECKOUT / "scripts/scan_execution_violations.py"
CONTRACT = (
    '[contracts.only-runner]\ntype = "confined-call"\nmethods = ["app:run"]\nallowed = ["app:runner"]\nbecause = "x"\n'
)
KEPT = "def run() -> None: ...\ndef runner() -> None:\n    run()\n"
BROKEN = KEPT + "def shortcut() -> None:\n    run()\n"

pytestmark = pytest.mark.requirement("R-071", "R-072")


@pytest.mark.parametrize(
    ("code", "config", "words", "exit_code"),
    [
        pytest.param(KEPT, CONTRACT, [], 0, id="kept"),
        pytest.param(BROKEN, CONTRACT, [], 1, id="broken"),
        pytest.param(BROKEN, CONTRACT, ["--format", "json"], 1, id="broken, as JSON"),
        pytest.param(BROKEN, CONTRACT, ["--format", "github"], 1, id="broken, as annotations"),
        pytest.param(KEPT, CONTRACT.replace("app:runner", "app:rumner"), [], 1, id="an anchor that names nothing"),
        pytest.param(KEPT, CONTRACT, ["--nonsense"], 2, id="a wrong option"),
        pytest.param(KEPT, "nonsense = 1\n", [], 2, id="a wrong configuration"),
        pytest.param("def (", CONTRACT, [], 1, id="a file that does not parse"),
    ],
)
def test_script_and_command_agree(tmp_path: Path, code: str, config: str, words: list[str], exit_code: int) -> None:
    (tmp_path / "app.py").write_text(code, encoding="utf-8")
    (tmp_path / "governance.toml").write_text(config, encoding="utf-8")
    shell = Shell(tmp_path)
    by_script = shell.run([sys.executable, SCRIPT, *words])
    by_command = shell.run([Path(sys.executable).with_name("governance"), "check", *words])
    assert by_command.returncode == exit_code, by_command.stdout + by_command.stderr
    assert (by_script.returncode, by_script.stdout) == (by_command.returncode, by_command.stdout)
    assert by_script.stderr == by_command.stderr


def test_without_its_packages_one_line_says_what_to_run(tmp_path: Path) -> None:
    done = Shell(tmp_path).run([sys.executable, "-I", "-S", SCRIPT])
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.endswith("run this instead: python3 scripts/dev.py check")


def test_it_decides_nothing_itself() -> None:
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"))
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert "governance" in calls
    assert calls <= {
        "governance",
        "main",
        "print",
        "str",
        "sys.exit",
        "sys.path.insert",
        "Path",
        "Path(__file__).resolve",
    }
