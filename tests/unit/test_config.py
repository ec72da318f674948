"""Reading a configuration: every mistake at once, each with its key and a way out."""

import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import config, config_file, options, presets
from governance.config_file import InvalidConfig
from governance.contract import Report
from governance.contract_types import ContractType, UnusableType
from governance.findings import Grade
from governance.settings import FileSettings, Settings, Terms


@dataclass(frozen=True)
class Options:
    confined: str = "x"
    allowed: tuple[str, ...] = ()


def check(index: object, options: Options) -> Report:
    return Report()


def load(name: str) -> ContractType | None:
    if name == "broken-type":
        raise UnusableType("broken-type is broken")
    return ContractType("known", Options, check) if name == "known" else None


GOOD = """
[contracts.one]
type = "known"
because = "it must"
"""


def read(text: str, name: str = "governance.toml") -> Settings:
    return config.read(name, text.encode(), load)


def mistakes(text: str, name: str = "governance.toml") -> list[str]:
    with pytest.raises(InvalidConfig) as caught:
        read(text, name)
    return [str(mistake).removeprefix(f"{name}: ") for mistake in caught.value.mistakes]


def test_defaults() -> None:
    settings = read(GOOD)
    assert settings.files == FileSettings()
    (contract,) = settings.contracts
    assert (contract.id, contract.fail_on, contract.terms.tests, contract.options) == (
        "one", Grade.PROBABLE, "checked", Options(),
    )  # fmt: skip
    assert contract.line == 2


def test_everything() -> None:
    text = """
        [tool.governance]
        paths = ["src"]
        exclude = ["gen"]
        source-roots = ["src"]
        test-files = ["checks"]
        max-file-kilobytes = 9
        [tool.governance.contracts.one]
        type = "known"
        because = "it must"
        instead = "do that"
        fail-on = "definite"
        exclude = ["old/*.py"]
        tests = "exempt"
        confined = "m:f"
        allowed = ["m:g"]
    """
    settings = read(text, "pyproject.toml")
    assert settings.files == FileSettings(("src",), ("gen",), ("src",), ("checks",), 9)
    (contract,) = settings.contracts
    assert contract.options == Options("m:f", ("m:g",))
    assert contract.fail_on is Grade.DEFINITE
    assert (contract.terms.exclude, contract.terms.tests, contract.terms.instead) == (
        ("old/*.py",),
        "exempt",
        "do that",
    )


MISTAKES = [
    ("", ["contracts: no contract is configured, so nothing would be checked: name a preset or add one"]),
    ("exclud = []" + GOOD, ['exclud: unknown key; did you mean "exclude"?']),
    ('exclude = "a"' + GOOD, ['exclude: must be a list of strings, is "a"; write ["a"]']),
    ('exclude = ["/a"]' + GOOD, ['exclude: "/a" leads out of the project: patterns are relative to the project root']),
    ('paths = ["../a"]' + GOOD, ['paths: "../a" leads out of the project']),
    ('source-roots = ["/a"]' + GOOD, ['source-roots: "/a" leads out of the project']),
    ("max-file-kilobytes = 0" + GOOD, ["max-file-kilobytes: must be at least 1, is 0"]),
    ('presets = "execution"' + GOOD, ['presets: must be a list of strings, such as ["execution"]']),
    ('presets = ["exekution"]' + GOOD, ['presets: no preset is named "exekution"']),
    ("contracts = 3", ["contracts: must be a table: [contracts.<id>] for every contract"]),
    ("[contracts]\none = 3", ["contracts.one: must be a table"]),
    (GOOD.replace("one", "One"), ["contracts.One: an id is made of lower-case words joined by hyphens"]),
    (GOOD.replace("because", "becuase"), [
        "contracts.one.because: missing: a string is required",
        'contracts.one.becuase: unknown key; did you mean "because"?',
    ]),
    (GOOD.replace("it must", " "), ["contracts.one.because: is empty: say why this must hold"]),
    (GOOD.replace("known", "unknown"), ['contracts.one.type: no contract type is named "unknown"']),
    (GOOD.replace("known", "broken-type"), ["contracts.one.type: broken-type is broken"]),
    (GOOD.replace('type = "known"', ""), ["contracts.one.type: missing: a string is required"]),
    (GOOD + 'fail-on = "probabel"', [
        'contracts.one.fail-on: must be one of "definite", "probable", "possible", "unresolved", is "probabel"',
    ]),
    (GOOD + 'tests = "no"', ['contracts.one.tests: must be one of "checked", "exempt", is "no"']),
    (GOOD + 'exclude = ["."]', ['contracts.one.exclude: "." names the whole project']),
    (GOOD + 'alowed = ["a"]', ['contracts.one.alowed: unknown key; did you mean "allowed"?']),
    (GOOD + 'failon = "definite"', ['contracts.one.failon: unknown key; did you mean "fail-on"?']),
    (GOOD + "enabled = true", ["contracts.one.enabled: can only be false; leave it out otherwise"]),
    (GOOD + "enabled = false", [
        'contracts.one.enabled: no preset in use has a contract "one" to switch off; delete the table instead',
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES)
def test_mistakes(text: str, expected: list[str]) -> None:
    found = mistakes(text)
    assert len(found) == len(expected)
    for one, start in zip(found, expected, strict=True):
        assert one.startswith(start)


def test_all_mistakes_at_once() -> None:
    text = """
        oops = 1
        exclude = 2
        presets = ["zzz"]
        [contracts.one]
        type = "known"
        confined = 3
        [contracts.Two]
        type = "known"
    """
    keys = [line.partition(": ")[0] for line in mistakes(text)]
    assert keys == ["contracts.Two", "contracts.one.because", "contracts.one.confined", "exclude", "oops", "presets"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"= 1", "is not TOML"),
        (b"a = 1\na = 2", "is not TOML"),
        (b"\xff", "is not UTF-8 (byte 0)"),
        (b"a = " + b"[" * 5000, "is not TOML"),
    ],
    ids=["syntax", "duplicate", "bytes", "nesting"],
)
def test_files_that_are_not_toml(content: bytes, text: str) -> None:
    with pytest.raises(InvalidConfig, match=re.escape(text)):
        config.read("governance.toml", content, load)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="cannot be read: No such file"):
        config_file.load(tmp_path / "governance.toml")


def test_missing_table() -> None:
    assert mistakes("[tool.ruff]", "pyproject.toml") == ["tool.governance: missing: there is no such table"]


def test_file_of_any_name_with_our_table() -> None:
    text = "[tool.governance]\n" + GOOD.replace("[contracts", "[tool.governance.contracts")
    assert read(text, "other.toml").contracts


@pytest.fixture
def preset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One preset named `house` in place of those that come with the tool."""
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "house.toml").write_text(
        """
        [parameters.runner]
        description = "who may run"
        [contracts.runs]
        type = "known"
        because = "of ${runner}"
        allowed = ["${runner}"]
        """,
        encoding="utf-8",
    )
    monkeypatch.setattr(presets, "__file__", str(folder / "__init__.py"))


@pytest.mark.usefixtures("preset")
class TestPresets:
    HEAD = 'presets = ["house"]\n[house]\nrunner = "m:f"\n'

    def test_contracts_are_taken_over(self) -> None:
        (contract,) = read(self.HEAD).contracts
        assert (contract.id, contract.terms.because, contract.options.allowed) == ("runs", "of m:f", ("m:f",))

    def test_override_key_by_key(self) -> None:
        settings = read(self.HEAD + '[contracts.runs]\nfail-on = "possible"\nallowed = ["m:g"]')
        (contract,) = settings.contracts
        assert (contract.fail_on, contract.options.allowed) == (Grade.POSSIBLE, ("m:g",))
        assert contract.terms.because == "of m:f"

    def test_switch_off(self) -> None:
        text = GOOD + '[contracts.runs]\nenabled = false\nbecause = "not yet"'
        settings = read(self.HEAD + text)
        assert settings.disabled == {"runs": "not yet"}
        assert [contract.id for contract in settings.contracts] == ["one"]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('presets = ["house"]', 'house.runner: missing: preset "house" needs who may run'),
            ('presets = ["house"]\nhouse = 3', "house: must be a table: the parameters of the preset"),
            (
                '[house]\nrunner = "a"' + GOOD,
                'house: parameters of a preset that is not in use; add presets = ["house"]',
            ),
            (HEAD + "[contracts.runs]\nenabled = false", "contracts.runs.because: missing: say why"),
            (
                HEAD + '[contracts.runs]\nenabled = false\nbecause = "x"\nallowed = []',
                "contracts.runs.allowed: has no effect on a contract that is switched off",
            ),
            (
                HEAD + '[contracts.runs]\ntype = "other"',
                'contracts.runs.type: the preset\'s contract is a "known"; choose another id',
            ),
        ],
    )
    def test_mistakes(self, text: str, expected: str) -> None:
        found = mistakes(text)
        assert len(found) == 1
        assert found[0].startswith(expected)


class TestFind:
    @pytest.mark.parametrize("name", ["governance.toml", "pyproject.toml"])
    def test_nearest_folder_upwards(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).write_text("[tool.governance]", encoding="utf-8")
        inner = tmp_path / "a/b"
        inner.mkdir(parents=True)
        (tmp_path / "a/pyproject.toml").write_text("[tool.ruff]\n# governance", encoding="utf-8")
        assert config_file.find(inner) == tmp_path / name

    def test_not_beyond_the_repository(self, tmp_path: Path) -> None:
        (tmp_path / "governance.toml").touch()
        inner = tmp_path / "repository"
        (inner / ".git").mkdir(parents=True)
        with pytest.raises(InvalidConfig, match="nothing says what to check"):
            config_file.find(inner)

    def test_two_side_by_side(self, tmp_path: Path) -> None:
        (tmp_path / "governance.toml").touch()
        (tmp_path / "pyproject.toml").write_text("[tool.governance]", encoding="utf-8")
        with pytest.raises(InvalidConfig, match="keep one"):
            config_file.find(tmp_path)

    def test_a_broken_pyproject_that_speaks_of_us_is_found(self, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text("[tool.governance]\n= 1", encoding="utf-8")
        assert config_file.find(tmp_path).name == "pyproject.toml"


scalars = st.one_of(st.sampled_from(["known", "one", "probable"]), st.integers(), st.booleans(), st.text(max_size=4))
words = st.sampled_from(
    ["paths", "exclude", "presets", "contracts", "one", "type", "because", "fail-on", "enabled", "x"]
)
tables = st.recursive(
    st.dictionaries(words, st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=4),
    lambda inner: st.dictionaries(words, st.one_of(inner, scalars), max_size=4),
    max_leaves=6,
)


@given(tables, st.sampled_from(["governance.toml", "pyproject.toml"]))
def test_any_document_gives_settings_or_mistakes(table: dict[str, Any], name: str) -> None:
    text = "\n".join(_toml({"tool": {"governance": table}} if name == "pyproject.toml" else table))
    try:
        assert read(text, name).contracts
    except InvalidConfig as error:
        # Nothing else may be raised, and one without a word would help nobody.
        assert error.mistakes  # noqa: PT017


def _toml(table: dict[str, Any], prefix: str = "") -> list[str]:
    lines = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            lines += [f"[{prefix}{key}]", *_toml(value, f"{prefix}{key}.")]
    return lines


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08X}" for char in value) + '"'
    return str(value)


def test_every_key_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/configuration.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE))
    keys = {options.key_of(field) for cls in (FileSettings, Terms) for field in fields(cls)}
    assert documented == keys | {"presets", "enabled"}


def test_the_documented_example_is_valid() -> None:
    page = (Path(__file__).parents[2] / "docs/reference/configuration.md").read_text(encoding="utf-8")
    example = page.partition("```toml\n")[2].partition("```")[0]
    found = mistakes(example, "pyproject.toml")
    assert {each.partition(": ")[0] for each in found} <= {
        "tool.governance.contracts.only-mailer-sends.type",
        *(each.partition(": ")[0] for each in found if ": missing: preset " in each),
    }
