"""Output formats: one module each, found by name, with

render(result, view) -> str    the whole output, ending in a line break
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from governance.render._text import document, printable, problem_line, summary, where
from governance.result import ScanResult

__all__ = ["Renderer", "View", "document", "formats", "printable", "problem_line", "renderer", "summary", "where"]


@dataclass(frozen=True, slots=True)
class View:
    """What a format may use besides the result. lines: the lines of a file by its path, [] if it cannot be read;
    colour: whether escape codes are welcome."""

    lines: Callable[[str], list[str]]
    colour: bool = False


Renderer: TypeAlias = Callable[[ScanResult, View], str]


def formats() -> list[str]:
    """The names of all formats."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def renderer(name: str) -> Renderer:
    """The `render` function of a format."""
    render: Renderer = importlib.import_module(f"{__name__}.{name}").render
    return render
