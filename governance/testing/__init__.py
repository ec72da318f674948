"""The case kit: contract pages in Markdown whose annotated example projects are executed.

A contract type of your own is tested as ours are: write its page, then

    from pathlib import Path
    from governance.testing import Example, parametrize, run

    @parametrize(Path("docs/contracts"))
    def test_example(example: Example) -> None:
        assert not run(example)

How a page is written: `governance.testing.page`.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

from governance import contract_types
from governance.testing.compare import Mismatch, compare
from governance.testing.page import Example, PageError, parse
from governance.testing.run import Answer, CaseError, FindType, Reported, answer

if TYPE_CHECKING:
    import pytest

__all__ = [
    "Answer",
    "CaseError",
    "Example",
    "Mismatch",
    "PageError",
    "Reported",
    "answer",
    "compare",
    "examples",
    "parametrize",
    "parse",
    "run",
]


def run(example: Example, find_type: FindType = contract_types.load) -> list[Mismatch]:
    """Every difference between the annotations of an example and what its contracts report; empty if it holds.

    find_type: how a contract type is found by its name; by default among ours and the installed ones. Never raises for
    what an example says: one that cannot be run is a mismatch too.
    """
    if example.error:
        return [Mismatch(example.page, example.title, "", 0, example.line, example.error)]
    try:
        return compare(example, answer(example, find_type))
    except CaseError as error:
        return [Mismatch(example.page, example.title, "", 0, example.line, f"cannot be run: {error}")]


def examples(*pages: Path) -> list[Example]:
    """The examples of pages, or of all pages in a folder, in order. A page that cannot be read becomes one example that
    fails with the reason, so it spoils no other page. Raises OSError for a page that does not exist."""
    found: list[Example] = []
    for page in _files(pages):
        try:
            found.extend(parse(page.read_text(encoding="utf-8"), page.stem))
        except PageError as error:
            found.append(Example(page.stem, "(unreadable page)", error.line, {}, (), error=str(error)))
    return found


def parametrize(*pages: Path) -> pytest.MarkDecorator:
    """A pytest mark that runs a test once for each example, as its argument `example`."""
    import pytest

    return pytest.mark.parametrize("example", examples(*pages), ids=attrgetter("id"))


def _files(pages: Iterable[Path]) -> Iterable[Path]:
    for page in pages:
        yield from sorted(page.glob("*.md")) if page.is_dir() else [page]
