"""The cache as users meet it: faster, never different, never in the way."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from governance import render
from governance.digest import digest
from tests.functional.conftest import BYPASS, CONFIG, Project

FOLDER = ".governance_cache"


@pytest.fixture
def broken(project: Project) -> Project:
    project.write("app/jobs.py", BYPASS)
    return project


def test_the_same_answer_again_and_without_in_every_format(broken: Project) -> None:
    cold = broken.check("--no-cache", "--format", "full")
    assert cold.code == 1
    assert cold == broken.check("--format", "full") == broken.check("--format", "full")
    for name in render.formats():
        assert broken.check("--format", name).out.count("only-runner") >= 1
    assert broken.check("--format", "json") == broken.check("--format", "json", "--no-cache")


def test_no_cache_writes_nothing(project: Project) -> None:
    assert project.check("--no-cache").code == 0
    assert not (project.root / FOLDER).exists()


IMPORTS = """
import sys
from governance.cli import main
code = main(["check"])
print(sorted({name.partition(".")[0] for name in sys.modules} & {"libcst"}), "governance.index" in sys.modules)
sys.exit(code)
"""


def test_nothing_is_parsed_when_nothing_changed(broken: Project) -> None:
    def run() -> str:
        done = subprocess.run([sys.executable, "-c", IMPORTS], cwd=broken.root, capture_output=True, text=True,
                              timeout=60, check=False)  # fmt: skip
        assert done.returncode == 1
        return done.stdout.splitlines()[-1]

    assert run() == "['libcst'] True"
    assert run() == "[] False"
    broken.write("app/__init__.py", "x = 1\n")  # read by a child; where the finding stands is known
    assert run() == "[] True"


CHANGES = [
    ("a new violation", "app/jobs.py", BYPASS, 1),
    ("a file less", "app/runner.py", None, 1),
    ("another configuration", "governance.toml", CONFIG.replace("Runner.run", "Runner.other"), 1),
    ("a file that cannot be parsed", "app/jobs.py", "def", 3),
    ("something harmless", "app/jobs.py", "x = 1\n", 0),
]


@pytest.mark.parametrize(("path", "content", "code"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_every_change_is_seen(project: Project, path: str, content: str | None, code: int) -> None:
    before = project.check()
    assert before.code == 0
    original = (project.root / path).read_text(encoding="utf-8") if (project.root / path).exists() else None
    if content is None:
        (project.root / path).unlink()
    else:
        project.write(path, content)
    changed = project.check()
    assert changed.code == code
    assert changed == project.check("--no-cache")
    if original is None:
        (project.root / path).unlink()
    else:
        project.write(path, original)
    assert project.check() == before


@pytest.mark.parametrize("damage", [b"", b"{}", "half"], ids=str)
def test_damaged_entries_change_nothing(broken: Project, damage: bytes | str) -> None:
    cold = broken.check()
    for path in [path for path in (broken.root / FOLDER).rglob("*") if path.is_file()]:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2] if isinstance(damage, str) else damage)
    assert broken.check() == cold


def test_a_wrong_memory_of_a_file_is_corrected(project: Project) -> None:
    assert project.check().code == 0
    times = {path: path.stat() for path in project.root.glob("app/*.py")}
    entries = {
        path.relative_to(project.root).as_posix(): [
            status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, "0" * 40,
        ]
        for path, status in times.items()
    }  # fmt: skip
    body = json.dumps(entries).encode()
    (project.root / FOLDER / "stat").write_bytes(f"stat-1 {digest(body)}\n".encode() + body)
    (project.root / FOLDER / "run").unlink()
    assert project.check().code == 3
    assert project.check().code == 0


def test_the_cache_of_another_project_changes_nothing(broken: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other")
    assert other.check().code == 0
    shutil.copytree(other.root / FOLDER, broken.root / FOLDER)
    assert broken.check().code == 1


@pytest.mark.parametrize("obstacle", ["a file", "a link to nothing", "a place that cannot be written"])
def test_a_cache_that_cannot_be_written(broken: Project, obstacle: str) -> None:
    folder = broken.root / FOLDER
    if obstacle == "a file":
        folder.touch()
    else:
        folder.symlink_to("/proc/self/nowhere" if "place" in obstacle else "missing/deep")
        if obstacle == "a link to nothing":
            (broken.root / "missing").touch()
    answer = broken.check()
    assert answer.code == 1
    assert len(answer.err.splitlines()) == 1
    assert answer.err.startswith("governance: warning: nothing is cached: ")


def test_a_cache_that_the_repository_contains_is_not_believed(project: Project) -> None:
    assert project.check().code == 0
    (project.root / FOLDER / ".gitignore").unlink()
    project.git("init", "-q")
    project.git("add", "-A")
    answer = project.check()
    assert answer.code == 0
    assert "is not used: the repository itself contains it" in answer.err


def test_two_runs_at_once(broken: Project) -> None:
    for number in range(40):
        broken.write(f"app/more{number}.py", BYPASS.replace("retry", f"retry{number}"))
    processes = [broken.start("check", "--format", "json") for _ in range(3)]
    answers = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [1, 1, 1]
    assert answers[0] == answers[1] == answers[2]
    assert broken.check("--format", "json").out.encode() == answers[0]
    assert not [path for path in (broken.root / FOLDER).rglob("*") if re.search(r"\.\d+\.\d+$", path.name)]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)], ids=["killed", "interrupted"]
)
def test_a_run_that_is_stopped_leaves_nothing_that_changes_an_answer(broken: Project, number: int, code: int) -> None:
    for count in range(60):
        broken.write(f"app/more{count}.py", BYPASS.replace("retry", f"retry{count}"))
    process = broken.start("check")
    while not list((broken.root / FOLDER).glob("facts-*/*/*")) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert err in (b"", b"governance: interrupted\n")
    assert broken.check("--format", "json") == broken.check("--format", "json", "--no-cache")
