"""`scripts/dev.py` sets up an environment of its own: once, completely, and again after every kind of accident.

A small project stands in for this one, so that a set-up takes a second; the scripts and the locked versions are ours.
"""

import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from devtasks.tasks import spread
from tests.meta.shell import CHECKOUT, Shell

BUILD_TOOLS = ("editables", "hatchling", "packaging", "pathspec", "pluggy", "tomlkit", "trove-classifiers")
BUSY = ("-n", str((os.cpu_count() or 1) + 1), "--dist", "loadfile")
UV = Path(sys.executable).with_name("uv")


class Project(Shell):
    def dev(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run([sys.executable, "scripts/dev.py", *words])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with an `é` and a space in its path, our scripts, and a scanner that answers with exit code 7."""
    root = tmp_path / "dévelop here"
    shutil.copytree(CHECKOUT / "scripts", root / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    lock = (CHECKOUT / "requirements/dev.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)
    kept = [entry for entry in entries if entry.partition("==")[0] in BUILD_TOOLS]
    write(root / "requirements/dev.txt", "".join(kept))
    write(root / "governance/__init__.py", "")
    write(root / "governance/__main__.py", "import sys\nprint(sys.argv[1:])\nsys.exit(7)\n")
    write(
        root / "pyproject.toml",
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "probe"\nversion = "1"\n[tool.hatch.build.targets.wheel]\npackages = ["governance"]\n',
    )
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "uv").symlink_to(UV)
    return Project(root, PATH=f"{tools}:/usr/bin:/bin", PYTHONDONTWRITEBYTECODE="1")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def one_line(text: str) -> str:
    """The only line of an error output, which is no traceback."""
    (line,) = text.strip().splitlines()
    return line


def test_first_run_sets_up_and_passes_words_and_exit_code_on(project: Project) -> None:
    first = project.dev("check", "--format", "json")
    assert (first.returncode, first.stdout) == (7, "['check', '--format', 'json']\n")
    assert "setting up .venv" in one_line(first.stderr)


def test_second_run_sets_nothing_up(project: Project) -> None:
    project.dev("setup")
    again = project.dev("setup")
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


@pytest.mark.slow
def test_pip_alone_is_enough(project: Project, tmp_path: Path) -> None:
    (tmp_path / "tools/uv").unlink()
    first = project.dev("check")
    assert first.returncode == 7, first.stderr
    assert "pip" in one_line(first.stderr)


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        pytest.param("requirements/dev.txt", False, id="a new lock makes a new environment"),
        pytest.param("pyproject.toml", True, id="a new pyproject keeps the packages"),
        pytest.param("governance/__main__.py", True, id="code changes nothing"),
    ],
)
def test_what_makes_the_environment_anew(project: Project, changed: str, kept: bool) -> None:
    project.dev("setup")
    witness = project.folder / ".venv/witness"
    witness.touch()
    with (project.folder / changed).open("a", encoding="utf-8") as file:
        file.write("\n")
    assert project.dev("setup").returncode == 0
    assert witness.exists() == kept


def lose_stamp(venv: Path) -> None:
    (venv / "complete").unlink()


def spoil_stamp(venv: Path) -> None:
    (venv / "complete").write_text("something else", encoding="utf-8")


def lose_interpreter(venv: Path) -> None:
    (venv / "bin/python").unlink()


def lose_half(venv: Path) -> None:
    shutil.rmtree(venv / "lib")
    (venv / "complete").unlink()


def put_a_file_there(venv: Path) -> None:
    shutil.rmtree(venv)
    venv.touch()


def put_a_dangling_link_there(venv: Path) -> None:
    shutil.rmtree(venv)
    venv.symlink_to("nowhere")


ACCIDENTS = [lose_stamp, spoil_stamp, lose_interpreter, lose_half, put_a_file_there, put_a_dangling_link_there]


@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda accident: accident.__name__)
def test_a_broken_environment_is_made_anew(project: Project, accident: Callable[[Path], None]) -> None:
    project.dev("setup")
    accident(project.folder / ".venv")
    assert project.dev("check").returncode == 7


def test_killed_in_the_middle_the_next_run_recovers(project: Project, tmp_path: Path) -> None:
    real = tmp_path / "tools/uv"
    slow = tmp_path / "slow"
    slow.mkdir()
    write(slow / "uv", f'#!/bin/sh\n"{real}" "$@"\ntouch "{slow}/begun"\nsleep 60\n')
    (slow / "uv").chmod(0o755)
    words = [sys.executable, "scripts/dev.py", "setup"]
    environment = {**project.environment, "PATH": f"{slow}:{project.environment['PATH']}"}
    running = subprocess.Popen(
        words, cwd=project.folder, env=environment, stderr=subprocess.PIPE, start_new_session=True
    )
    wait_for(slow / "begun")
    os.killpg(running.pid, signal.SIGKILL)
    running.communicate(timeout=10)
    assert project.dev("check").returncode == 7


def test_interrupted_by_the_user_it_says_so_in_one_line(project: Project, tmp_path: Path) -> None:
    slow = tmp_path / "slow"
    slow.mkdir()
    write(slow / "uv", f'#!/bin/sh\ntouch "{slow}/begun"\nexec sleep 60\n')
    (slow / "uv").chmod(0o755)
    words = [sys.executable, "scripts/dev.py", "setup"]
    environment = {**project.environment, "PATH": f"{slow}:{project.environment['PATH']}"}
    running = subprocess.Popen(
        words, cwd=project.folder, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    wait_for(slow / "begun")
    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=10)
    assert running.returncode == 130
    assert "Traceback" not in said
    assert "interrupted" in said.splitlines()[-1]


def wait_for(path: Path, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear within {seconds} s"
        time.sleep(0.02)


def test_two_at_once_set_up_once(project: Project) -> None:
    words = [sys.executable, "scripts/dev.py", "check"]
    both = [
        subprocess.Popen(words, cwd=project.folder, env=project.environment, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = "".join(process.communicate(timeout=60)[1] for process in both)
    assert [process.returncode for process in both] == [7, 7]
    assert said.count("setting up") == 1


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_without_a_network_one_line_says_so_and_the_next_run_recovers(
    project: Project, tmp_path: Path, installer: str
) -> None:
    uv = tmp_path / "tools/uv"
    if installer == "pip":
        uv.unlink()
    offline = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "empty")}
    offline |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": "/dev/null"}
    failed = Project(project.folder, **project.environment | offline).dev("check")
    assert failed.returncode == 2
    _, reason = failed.stderr.strip().splitlines()
    assert "could not install the locked packages" in reason
    assert "run the same command again" in reason
    if installer == "pip":
        uv.symlink_to(UV)
    assert project.dev("check").returncode == 7


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_without_the_venv_module_one_line_says_what_to_install(project: Project, tmp_path: Path, module: str) -> None:
    (tmp_path / "tools/uv").unlink()
    code = f"import runpy, sys; sys.modules[{module!r}] = None; sys.path.insert(0, 'scripts'); "
    code += "sys.argv = ['dev.py', 'check']; runpy.run_path('scripts/dev.py', run_name='__main__')"
    failed = project.run([sys.executable, "-c", code])
    assert failed.returncode == 2
    assert f"has no {module} module; install it" in one_line(failed.stderr)


@pytest.mark.parametrize("in_the_way", [".venv.lock", "requirements/dev.txt"])
def test_a_folder_in_the_way_is_named(project: Project, in_the_way: str) -> None:
    target = project.folder / in_the_way
    target.unlink(missing_ok=True)
    target.mkdir()
    failed = project.dev("check")
    assert failed.returncode == 2
    assert f"{target}: Is a directory" in one_line(failed.stderr)


def test_a_program_that_is_gone_is_named(project: Project) -> None:
    failed = project.dev("lint", "zizmor")
    assert failed.returncode == 2
    assert ".venv/bin/zizmor: No such file" in failed.stderr.splitlines()[-1]


def test_an_old_python_gets_a_sentence(project: Project) -> None:
    code = "import sys; sys.version_info = (3, 8, 18, 'final', 0); "
    code += "exec(compile(open('scripts/dev.py').read(), 'dev.py', 'exec'))"
    failed = project.run([sys.executable, "-c", code])
    assert failed.returncode == 2
    assert "needs Python 3.11 or newer, this is 3.8.18" in one_line(failed.stderr)


def test_an_old_python_can_read_the_entry() -> None:
    source = (CHECKOUT / "scripts/dev.py").read_text(encoding="ascii")
    tree = ast.parse(source, feature_version=(3, 4))
    python3_only = (ast.JoinedStr, ast.AnnAssign, ast.AsyncFunctionDef, ast.NamedExpr, ast.Nonlocal, ast.Starred)
    assert not [node for node in ast.walk(tree) if isinstance(node, python3_only)]


@pytest.mark.parametrize(
    ("words", "exit_code", "says"),
    [
        pytest.param([], 2, "usage:", id="nothing asked"),
        pytest.param(["--help"], 0, "usage:", id="help"),
        pytest.param(["chekc"], 2, "did you mean check?", id="a typo"),
        pytest.param(["frobnicate"], 2, "there are: setup, check", id="nothing like it"),
        pytest.param(["lint", "pylint"], 2, "not pylint", id="an unknown linter"),
        pytest.param(["setup", "--fast"], 2, "does not take --fast", id="a word too many"),
        pytest.param(["bench", "nothing"], 2, "no benchmark named nothing", id="an unknown benchmark"),
        pytest.param(["ci", "--there"], 2, "knows only --here", id="an unknown place"),
    ],
)
def test_words_that_need_no_environment(project: Project, words: list[str], exit_code: int, says: str) -> None:
    done = project.dev(*words)
    assert done.returncode == exit_code
    assert says in done.stdout + done.stderr
    assert not (project.folder / ".venv").exists()


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        pytest.param(BUSY, [], id="nothing said"),
        pytest.param(BUSY, ["tests/unit", "-q", "-k", "none"], id="other words"),
        pytest.param((), ["-n", "0"], id="a number of processes"),
        pytest.param((), ["-n4"], id="a number in one word"),
        pytest.param((), ["--numprocesses=4"], id="the long word"),
        pytest.param((), ["--pdb"], id="a debugger"),
        pytest.param((), ["-s"], id="a live output"),
    ],
)
def test_tests_use_every_core_unless_told(expected: tuple[str, ...], words: list[str]) -> None:
    assert spread(words) == expected


def test_the_program_takes_the_place_of_the_task_and_so_gets_its_signals(project: Project) -> None:
    write(project.folder / "governance/__main__.py", "import os\nprint(os.getpid())\n")
    words = [sys.executable, "scripts/dev.py", "check"]
    running = subprocess.Popen(
        words, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said, _ = running.communicate(timeout=60)
    assert int(said) == running.pid
