"""The scanner as the hook of a real `git commit`."""

import sys
from pathlib import Path

import pytest

from tests.functional.conftest import BYPASS, Project


@pytest.fixture
def repository(project: Project) -> Project:
    project.git("init", "-q")
    project.git("add", "-A")
    project.git("commit", "-qm", "one")
    hook = project.write(".git/hooks/pre-commit", f'#!/bin/sh\nexec "{sys.executable}" -m governance check\n')
    hook.chmod(0o755)
    return project


def head(project: Project) -> str:
    return project.git("log", "-1", "--format=%s").stdout.strip()


@pytest.mark.requirement("R-079")
def test_a_broken_contract_refuses_the_commit(repository: Project) -> None:
    repository.write("app/jobs.py", BYPASS)
    repository.git("add", "app/jobs.py")
    done = repository.git("commit", "-m", "two")
    assert done.returncode == 1
    assert "plugin.run() is called in retry" in done.stdout + done.stderr
    assert head(repository) == "one"


def test_a_kept_contract_lets_it_pass(repository: Project) -> None:
    repository.write("app/jobs.py", "x = 1\n")
    repository.git("add", "app/jobs.py")
    assert repository.git("commit", "-m", "two").returncode == 0
    assert head(repository) == "two"


def test_a_partial_commit_and_a_commit_that_only_deletes(repository: Project) -> None:
    repository.write("app/jobs.py", "x = 1\n")
    repository.write("app/more.py", "x = 1\n")
    repository.git("add", "-A")
    assert repository.git("commit", "-m", "two", "--", "app/jobs.py").returncode == 0
    (repository.root / "app/runner.py").unlink()
    assert repository.git("commit", "-am", "three").returncode == 1
    assert head(repository) == "two"


def test_a_worktree(repository: Project, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", str(tmp_path / "second"))
    second = tmp_path / "second"
    (second / "app/jobs.py").write_text(BYPASS, encoding="utf-8")
    assert repository.git("-C", str(second), "add", "-A").returncode == 0
    assert repository.git("-C", str(second), "commit", "-m", "two").returncode == 1
