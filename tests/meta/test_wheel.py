"""The wheel: what is in it, and that it works in an environment that holds nothing else."""

import email
import sys
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.meta.shell import CHECKOUT, Shell

BIN = Path(sys.executable).parent
KEPT = """
[contracts.only-the-runner-runs]
type = "confined-call"
methods = ["app:Plugin.run"]
allowed = ["app:runner"]
because = "runs are counted"
"""
APP = "class Plugin:\n    def run(self) -> None: ...\n\ndef runner(plugin: Plugin) -> None:\n    plugin.run()\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = Shell(CHECKOUT).run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder])
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_it_holds_the_scanner_and_nothing_else(names: list[str]) -> None:
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"governance", "execution_governance"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_it_holds_all_of_the_scanner(names: list[str]) -> None:
    listed = Shell(CHECKOUT).git("ls-files", "-z", "governance").split("\0")[:-1]
    expected = {name for name in listed if (CHECKOUT / name).exists()}
    assert expected - set(names) == set()
    assert "governance/py.typed" in names
    assert [name for name in names if name.startswith("governance/presets/") and name.endswith(".toml")]


def test_it_is_any_pythons_and_needs_libcst_alone(wheel: Path, metadata: Message) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    assert (metadata["Name"], metadata["Requires-Python"]) == ("execution-governance", ">=3.11")
    requirements = metadata.get_all("Requires-Dist") or []
    assert [requirement.partition(">")[0] for requirement in requirements] == ["libcst"]
    assert "Provides-Extra" not in metadata


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the locked libcst and the wheel, and not even pip."""
    folder = tmp_path_factory.mktemp("empty") / "venv"
    shell = Shell(folder.parent, UV_SYSTEM_CERTS="1")
    install: list[str | Path] = [BIN / "uv", "pip", "install", "--python", folder / "bin/python"]
    steps: list[list[str | Path]] = [
        [BIN / "uv", "venv", "--python", sys.executable, folder],
        [*install, "--require-hashes", "-r", CHECKOUT / "requirements/wheel.txt"],
        [*install, "--no-deps", wheel],
    ]
    for words in steps:
        done = shell.run(words)
        assert done.returncode == 0, done.stderr
    return folder / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Shell:
    (tmp_path / "governance.toml").write_text(KEPT, encoding="utf-8")
    (tmp_path / "app.py").write_text(APP, encoding="utf-8")
    return Shell(tmp_path)


@pytest.mark.requirement("R-072")
def test_its_command_and_its_module_answer(installed: Path, project: Shell) -> None:
    commands: list[list[str | Path]] = [[installed / "governance"], [installed / "python", "-m", "governance"]]
    for command in commands:
        done = project.run([*command, "--help"])
        assert (done.returncode, done.stderr) == (0, "")
        assert "check" in done.stdout


@pytest.mark.requirement("R-073")
def test_it_passes_what_is_kept_and_fails_what_is_broken(installed: Path, project: Shell) -> None:
    kept = project.run([installed / "governance", "check"])
    assert kept.returncode == 0, kept.stdout + kept.stderr
    with (project.folder / "app.py").open("a", encoding="utf-8") as file:
        file.write("\ndef shortcut(plugin: Plugin) -> None:\n    plugin.run()\n")
    broken = project.run([installed / "governance", "check", "--format", "concise"])
    assert broken.returncode == 1, broken.stdout + broken.stderr
    assert broken.stdout.startswith("app.py:8:")


def test_it_loads_no_module_of_the_server_and_none_of_the_project(installed: Path, project: Shell) -> None:
    done = project.run([installed / "python", "-X", "importtime", "-m", "governance", "check"])
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "governance.cli" in loaded
    roots = {name.partition(".")[0] for name in loaded}
    assert roots.isdisjoint({"server", "fastapi", "pydantic", "sqlalchemy", "app", "pip"})


def test_the_locks_of_wheel_and_server_agree_with_the_developers() -> None:
    pins = {
        name: dict(
            line.split(" ")[0].split("==")
            for line in (CHECKOUT / f"requirements/{name}.txt").read_text(encoding="utf-8").splitlines()
            if "==" in line and not line.startswith((" ", "#"))
        )
        for name in ("dev", "server", "wheel")
    }
    assert pins["wheel"].items() <= pins["server"].items() <= pins["dev"].items()
