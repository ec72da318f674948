"""Contract types are found by name, our own and those of other distributions."""

import sys
from pathlib import Path

import pytest

from governance import contract_types
from governance.contract_types import UnusableType

MODULE = """
from dataclasses import dataclass
NAME = "house-rule"
@dataclass(frozen=True)
class Options:
    level: int = 1
def check(index, options):
    raise NotImplementedError
"""


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed distribution that adds the type `house-rule`; returns its module's file."""
    info = tmp_path / "house-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text("[governance.contracts]\nhouse-rule = house_rule\n", encoding="utf-8")
    (tmp_path / "house_rule.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "house_rule", raising=False)
    return tmp_path / "house_rule.py"


@pytest.mark.parametrize("name", contract_types.own_types())
def test_our_own(name: str) -> None:
    found = contract_types.load(name)
    assert found is not None
    assert (found.name, found.source) == (name, "")


def test_nobody_has_it() -> None:
    assert contract_types.load("no-such-type") is None


def test_of_another_distribution(distribution: Path) -> None:
    found = contract_types.load("house-rule")
    assert found is not None
    assert found.options().level == 1
    assert found.source == str(distribution)
    assert contract_types.foreign_types() == ["house-rule"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", 'contract type "house-rule" of house cannot be loaded: ZeroDivisionError: division by zero'),
        ("import no_such_module_1", "cannot be loaded: ModuleNotFoundError"),
        (MODULE.replace("house-rule", "other"), 'house_rule must define NAME = "house-rule" and a function check'),
        (MODULE.replace("def check", "def chek"), "and a function check"),
        (MODULE.replace("@dataclass(frozen=True)", ""), "must define a dataclass Options"),
        (MODULE.replace("level", "because"), "Options has fields that every contract has already: because"),
    ],
)
def test_unusable(distribution: Path, text: str, message: str) -> None:
    distribution.write_text(text, encoding="utf-8")
    with pytest.raises(UnusableType, match=message.replace("(", r"\(")):
        contract_types.load("house-rule")
