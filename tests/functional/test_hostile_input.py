"""Odd and hostile files: each gets a clear answer, none a traceback, none a pass that was not earned."""

import os
from pathlib import Path

import pytest

from tests.functional.conftest import BYPASS, Project

BAD = [
    ("latin-1 without a cookie", b"name = '\xe9'\n"),
    ("syntax error", b"def f(:\n    pass\n"),
    ("python 2", b"print 'hello'\n"),
    ("unknown encoding", b"# -*- coding: klingon -*-\nx = 1\n"),
    ("null byte", b"x = 1\0\n"),
    ("utf-16", "x = 1\n".encode("utf-16")),
    ("unclosed string", b'x = """\n'),
    ("tabs and spaces", b"if x:\n\ty = 1\n        z = 2\n"),
]


@pytest.mark.requirement("R-076")
@pytest.mark.parametrize("content", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_a_file_that_cannot_be_analysed_is_named(project: Project, content: bytes) -> None:
    project.write("app/bad.py", content)
    project.write("app/jobs.py", BYPASS)
    answer = project.check("--format", "json")
    report = answer.json()
    assert answer.code == 1
    assert [problem["path"] for problem in report["problems"]] == ["app/bad.py"]
    assert [finding["path"] for finding in report["findings"]] == ["app/jobs.py"]
    (project.root / "app/jobs.py").unlink()
    alone = project.check()
    assert alone.code == 3
    assert "problem: app/bad.py" in alone.out
    assert "Execution scanner INCOMPLETE" in alone.out
    again = project.check()
    assert (again.code, again.out) == (alone.code, alone.out)


SPELLINGS = [
    ("windows line ends", BYPASS.replace("\n", "\r\n").encode(), "5:19"),
    ("old mac line ends", BYPASS.replace("\n", "\r").encode(), "5:19"),
    ("byte order mark", BYPASS.encode("utf-8-sig"), "5:19"),
    ("form feed", BYPASS.replace("\n\n\n", "\n\x0c\n\n").encode(), "5:19"),
    ("latin-1 with a cookie", b"# coding: latin-1\n# \xe9\n" + BYPASS.encode(), "7:19"),
    ("full-width identifier", BYPASS.replace("plugin.run", "plugin.\uff52\uff55\uff4e").encode(), "5:19"),
    ("line continuation", BYPASS.replace("plugin.run", "plugin.\\\nrun").encode(), "6:1"),
    ("no line end at the end", BYPASS.rstrip("\n").encode(), "5:19"),
]


@pytest.mark.requirement("R-061")
@pytest.mark.parametrize(("content", "place"), [row[1:] for row in SPELLINGS], ids=[row[0] for row in SPELLINGS])
def test_odd_spellings_hide_nothing(project: Project, content: bytes, place: str) -> None:
    project.write("app/jobs.py", content)
    answer = project.check("--format", "concise")
    assert answer.code == 1
    assert answer.out.startswith(f"app/jobs.py:{place} only-runner ")
    assert project.check().code == 1


@pytest.mark.parametrize("content", ["", "\n", "# only a comment", "\x0c", "\ufeff"])
def test_nearly_empty_files(project: Project, content: str) -> None:
    project.write("app/empty.py", content)
    assert project.check().code == 0


def test_a_very_long_file(project: Project) -> None:
    project.write("app/long.py", "value = 1\n" * 500_000)
    answer = project.check()
    assert answer.code == 3
    assert "app/long.py: too-large: is 4882 kilobytes long, more than max-file-kilobytes = 2048" in answer.out


@pytest.mark.parametrize("repository", [False, True], ids=["walk", "git"])
def test_links_in_circles(project: Project, repository: bool) -> None:
    (project.root / "app/loop.py").symlink_to("loop.py")
    (project.root / "app/above").symlink_to("..")
    if repository:
        project.git("init", "-q")
    answer = project.check()
    assert answer.code == 3
    assert "problem: app/loop.py: unreadable: cannot be read: Too many levels of symbolic links" in answer.out


@pytest.mark.parametrize("repository", [False, True], ids=["walk", "git"])
def test_names_with_spaces_and_accents(tmp_path: Path, repository: bool) -> None:
    project = Project(tmp_path / "süßes projekt")
    project.write("noch ein ordner/größe 1.py", BYPASS)
    Path(os.fsdecode(os.fsencode(project.root) + b"/caf\xe9.py")).write_text(BYPASS, encoding="utf-8")
    if repository:
        project.git("init", "-q")
        project.git("add", "-A")
    answer = project.check("--format", "concise")
    assert answer.code == 1
    assert [line.partition(" only-runner")[0] for line in answer.out.splitlines()[:-1]] == [
        "caf\\udce9.py:5:19",
        "noch ein ordner/größe 1.py:5:19",
    ]
    assert project.check("--format", "json", "noch ein ordner").json()["findings"][0]["line"] == 5


def test_output_in_a_narrow_encoding(project: Project) -> None:
    project.write("größe.py", BYPASS)
    answer = project.check(PYTHONUTF8="0", PYTHONIOENCODING="ascii", LC_ALL="C")
    assert answer.code == 1
    assert "gr\\udcc3\\udcb6\\udcc3\\udc9fe.py:5:19" in answer.out
