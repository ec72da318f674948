"""The configuration file: which one governs a folder, and what is said when it cannot be used.

Apart from `config`, so that a run that finds everything unchanged need not know TOML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FILE_NAMES: Final = ("governance.toml", "pyproject.toml")
_HEADER: Final = re.compile(rb"^\[tool\.governance[.\]]", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a configuration: the file, the key (dotted, "" for the file itself) and what."""

    path: str
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.key}: {self.message}" if self.key else f"{self.path}: {self.message}"


class InvalidConfig(Exception):
    """The configuration cannot be used; `mistakes` holds everything that is wrong with it."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


def find(start: Path) -> Path:
    """The configuration that governs a folder: of the nearest folder upwards that has one, not beyond its repository.

    Raises InvalidConfig if there is none, or two side by side.
    """
    for folder in (start, *start.parents):
        found = [folder / name for name in FILE_NAMES if _speaks_of_us(folder / name)]
        if len(found) > 1:
            raise InvalidConfig([Mistake(str(found[1]), "", "has [tool.governance] beside governance.toml: keep one")])
        if found:
            return found[0]
        if (folder / ".git").exists():
            break
    message = "no [tool.governance] in pyproject.toml and no governance.toml here or above: nothing says what to check"
    raise InvalidConfig([Mistake(str(start), "", message)])


def load(path: Path) -> bytes:
    """The bytes of a configuration file. Raises InvalidConfig if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidConfig([Mistake(str(path), "", f"cannot be read: {error.strerror}")]) from error


def own_table(name: str, document: dict[str, Any]) -> tuple[Any, str]:
    """What of a document is ours, None if nothing is, and the dotted path of that table."""
    tool = document.get("tool")
    if name == "pyproject.toml" or (isinstance(tool, dict) and "governance" in tool):
        return tool.get("governance") if isinstance(tool, dict) else None, "tool.governance"
    return document, ""


def line_of(text: str, contract: str) -> int:
    """The line on which a configuration begins to speak of a contract, 0 if it does not."""
    header = re.compile(rf"""\s*\[[^\]]*contracts\s*\.\s*["']?{re.escape(contract)}["']?\s*\]""")
    return next((number for number, line in enumerate(text.split("\n"), 1) if header.match(line)), 0)


def speaks_of_us(name: str, content: bytes) -> bool:
    """Whether a file of that name is a configuration of ours."""
    if name == "governance.toml" or _HEADER.search(content):
        return True
    if b"governance" not in content:
        return False
    import tomllib

    try:
        return own_table(name, tomllib.loads(content.decode()))[0] is not None
    except (ValueError, RecursionError):
        return b"tool.governance" in content


def _speaks_of_us(path: Path) -> bool:
    try:
        return speaks_of_us(path.name, path.read_bytes())
    except OSError:
        return False
