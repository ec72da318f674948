"""What only the command line decides: colours, internal errors, where the code of a finding comes from."""

import io
from pathlib import Path

import pytest

from governance import cli, presets


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "colour"),
    [
        (Terminal(), {}, True),
        (io.StringIO(), {}, False),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
    ],
)
def test_colours(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, environment: dict[str, str], colour: bool
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cli._colour(stream) is colour


@pytest.fixture
def unsound_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preset that contradicts itself: a defect of the tool, not of the user."""
    (tmp_path / "house.toml").write_text("[contracts.a]\ntype = '${nope}'\n", encoding="utf-8")
    (tmp_path / "governance.toml").write_text('presets = ["house"]\n', encoding="utf-8")
    monkeypatch.setattr(presets, "__file__", str(tmp_path / "__init__.py"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("unsound_preset")
def test_an_internal_error_is_one_line_and_a_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOVERNANCE_DEBUG", raising=False)
    assert cli.main(["check", "--no-cache"]) == 4
    assert capsys.readouterr().err.splitlines() == [
        'governance: internal error: ValueError: preset "house": ${nope} is not declared under [parameters]',
        "governance: set GOVERNANCE_DEBUG=1 to see where, and report it",
    ]


@pytest.mark.usefixtures("unsound_preset")
def test_debugging_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOVERNANCE_DEBUG", "1")
    with pytest.raises(ValueError, match="is not declared"):
        cli.main(["check", "--no-cache"])


LINES = [
    ("a\nb", ["a", "b"]),
    ("a\r\nb\rc\n", ["a", "b", "c", ""]),
    ("a\x0cb\x1cc\u2028d", ["a\x0cb\x1cc\u2028d"]),
    ("\ufeffa", ["a"]),
    ("", [""]),
]


@pytest.mark.parametrize(("text", "lines"), LINES)
def test_lines_are_those_of_python(tmp_path: Path, text: str, lines: list[str]) -> None:
    (tmp_path / "a.py").write_bytes(text.encode())
    assert cli._Sources(tmp_path).lines("a.py") == lines


@pytest.mark.parametrize("content", [b"# coding: klingon\n", b"# coding: utf-8\n\xff"])
def test_lines_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.py").write_bytes(content)
    sources = cli._Sources(tmp_path)
    assert sources.lines("a.py") in ([], ["# coding: utf-8", "\ufffd"])
    assert sources.lines("gone.py") == []
