"""The commit-msg hook in a real repository: real commits, refused and accepted."""

import sys
from pathlib import Path

import pytest

from tests.meta.shell import CHECKOUT, Shell

HOOK = CHECKOUT / "scripts/check_commit_message.py"
OLD = "def test_old():\n    assert 1\n"

pytestmark = pytest.mark.requirement("R-083")


@pytest.fixture
def repository(tmp_path: Path) -> Shell:
    """A repository with one test file, whose commits go through the hook."""
    shell = Shell(tmp_path, HOME=str(tmp_path), GIT_CONFIG_GLOBAL="/dev/null")
    shell.git("init", "--quiet", "--initial-branch=main")
    shell.write("tests/test_old.py", OLD)
    shell.write("app/code.py", "x = 1\n")
    shell.git("add", ".")
    shell.git("commit", "--quiet", "-m", "start")
    hook = tmp_path / ".git/hooks/commit-msg"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{HOOK}" "$1"\n', encoding="utf-8")
    hook.chmod(0o755)
    return shell


SKIPPED = "import pytest\n@pytest.mark.skip\ndef test_new(): pass\n"
REFUSED = {
    "a changed test": ({"tests/test_old.py": "def test_old():\n    assert 2\n"}, "tidy", "say TEST-CHANGE"),
    "a changed test beside the code": ({"app/test_code.py": "", "tests/test_old.py": ""}, "tidy", "say TEST-CHANGE"),
    "a changed test with an umlaut": ({"tests/test_old.py": "é = 1\n"}, "tidy", "say TEST-CHANGE"),
    "TEST-CHANGE in a comment line": ({"tests/test_old.py": ""}, "tidy\n\n# TEST-CHANGE", "say TEST-CHANGE"),
    "a skip mark": ({"tests/test_new.py": SKIPPED}, "TEST-CHANGE: new", "tests/test_new.py:2: a test is skipped"),
    "a skip call": ({"tests/test_new.py": "import pytest\npytest.skip('x')\n"}, "new", "test_new.py:2"),
    "an expected failure": ({"tests/test_new.py": "import pytest\nx = pytest.mark.xfail(reason='')\n"}, "new", ":2"),
    "an imported skip": ({"tests/test_new.py": "from pytest import skip\n"}, "new", "test_new.py:1"),
    "the other framework": ({"tests/test_new.py": "import unittest\nx = unittest.skipIf(1, '')\n"}, "new", ":2"),
    "an approval without a reason": ({"tests/test_new.py": SKIPPED.replace("skip", "skip  # APPROVED:")}, "new", ":2"),
    "an approval elsewhere": ({"tests/test_new.py": "# APPROVED: no\n\n" + SKIPPED}, "new", "test_new.py:4"),
}
ACCEPTED = {
    "code only": ({"app/code.py": "x = 2\n"}, "tidy"),
    "a new test file": ({"tests/test_new.py": "def test_new(): pass\n"}, "new"),
    "a changed test that says so": ({"tests/test_old.py": ""}, "tidy\n\nTEST-CHANGE: it tested nothing"),
    "an approved skip": ({"tests/test_new.py": SKIPPED.replace("skip", "skip  # APPROVED: no such system")}, "new"),
    "an approval above": ({"tests/test_new.py": SKIPPED.replace("@", "# APPROVED: no such system\n@")}, "new"),
    "a skip in a string": ({"tests/test_new.py": "text = 'pytest.mark.skip'\n"}, "new"),
    "a skip that is no test's": ({"app/code.py": "import pytest\npytest.skip('x')\n"}, "tidy"),
    "someone else's skip": ({"tests/test_new.py": "import rows\nrows.skip(1)\n"}, "new"),
    "a test that does not parse": ({"tests/test_new.py": "def (\n"}, "new"),
    "a changed file that is no Python": ({"tests/data.json": "{}"}, "new"),
}


@pytest.mark.parametrize(("files", "message", "says"), REFUSED.values(), ids=REFUSED)
def test_refused(repository: Shell, files: dict[str, str], message: str, says: str) -> None:
    for path, text in files.items():
        repository.write(path, text)
    refused = repository.commit(message)
    assert refused.returncode == 1
    assert says in refused.stderr
    assert repository.git("log", "--format=%s").strip() == "start"


@pytest.mark.parametrize(("files", "message"), ACCEPTED.values(), ids=ACCEPTED)
def test_accepted(repository: Shell, files: dict[str, str], message: str) -> None:
    for path, text in files.items():
        repository.write(path, text)
    accepted = repository.commit(message)
    assert (accepted.returncode, accepted.stderr) == (0, "")


def test_a_removed_test_must_be_owned_up_to(repository: Shell) -> None:
    (repository.folder / "tests/test_old.py").unlink()
    assert "say TEST-CHANGE" in repository.commit("tidy").stderr
    assert repository.commit("tidy (TEST-CHANGE: the code is gone)").returncode == 0


def test_a_renamed_test_must_be_owned_up_to(repository: Shell) -> None:
    repository.git("mv", "tests/test_old.py", "tests/test_better.py")
    assert "say TEST-CHANGE" in repository.commit("tidy").stderr


def test_an_old_skip_is_not_asked_for_again(repository: Shell) -> None:
    approved = SKIPPED.replace("skip", "skip  # APPROVED: no such system")
    repository.write("tests/test_new.py", approved)
    repository.commit("new")
    repository.write("tests/test_new.py", approved.replace("  # APPROVED: no such system", "") + "x = 1\n")
    assert "test_new.py:2" in repository.commit("TEST-CHANGE").stderr
    repository.write("tests/test_new.py", approved + "x = 1\n")
    assert repository.commit("TEST-CHANGE").returncode == 0


def test_the_first_commit_of_a_repository_can_be_made(repository: Shell) -> None:
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    assert repository.commit("start again").returncode == 0
