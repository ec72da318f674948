"""Settings: what the user configured, checked and complete. Read by `config`, used by everything after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from governance.findings import Grade

GradeName = Literal["definite", "probable", "possible", "unresolved"]
TestPolicy = Literal["checked", "exempt"]


@dataclass(frozen=True, slots=True)
class FileSettings:
    """Which files are analysed and under which module names. Globs are those of `globs`.

    source_roots: folders from which modules are imported, first wins; empty: detected by `discovery`.
    """

    paths: tuple[str, ...] = (".",)
    exclude: tuple[str, ...] = ()
    source_roots: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ("tests", "test_*.py", "*_test.py", "conftest.py")
    max_file_kilobytes: int = 2048

    def to_json(self) -> dict[str, Any]:
        """Plain JSON-ready data; `from_json` restores it."""
        return asdict(self)

    @staticmethod
    def from_json(data: dict[str, Any]) -> FileSettings:
        """Rebuild settings."""
        values: dict[str, Any] = {key: tuple(each) if isinstance(each, list) else each for key, each in data.items()}
        return FileSettings(**values)


@dataclass(frozen=True, slots=True)
class Terms:
    """What every contract can say, whatever its type."""

    type: str
    because: str
    instead: str = ""
    fail_on: GradeName = "probable"
    exclude: tuple[str, ...] = ()
    tests: TestPolicy = "checked"


@dataclass(frozen=True, slots=True)
class Contract:
    """A configured promise. `options` is an instance of the Options class of its type; `line` is where the
    configuration file speaks of it (0 if nowhere: it stands in a preset)."""

    id: str
    terms: Terms
    options: Any
    line: int = 0

    @property
    def fail_on(self) -> Grade:
        """Findings of this grade or better fail the scan."""
        return Grade[self.terms.fail_on.upper()]


@dataclass(frozen=True, slots=True)
class Settings:
    """One project's configuration. path: the name of the configuration file; disabled: id of a preset contract that was
    switched off -> why; foreign: the files of contract types that are not ours."""

    path: str
    files: FileSettings
    contracts: tuple[Contract, ...]
    disabled: dict[str, str]
    foreign: tuple[str, ...] = ()
