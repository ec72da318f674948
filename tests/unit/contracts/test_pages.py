"""Every contract type is documented by a page, and every page is executed."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from governance import contract_types, options
from governance.testing import Example, answer, parametrize, parse, run

PAGES = Path(__file__).parents[3] / "docs/reference/contracts"
HEADINGS = ("What it does", "Why", "Configuration", "Findings", "Limits")
"""Second-level headings every page has, in this order; examples stand in sections of their own, wherever they help."""

each_type = pytest.mark.parametrize("name", contract_types.own_types())


@parametrize(PAGES)
def test_example(example: Example) -> None:
    assert not (mismatches := run(example)), "\n" + "\n".join(map(str, mismatches))


@each_type
def test_type_has_a_page_in_the_form_of_the_house(name: str) -> None:
    lines = page(name).splitlines()
    assert lines[0] == f"# {name}"
    sections = [line.removeprefix("## ") for line in lines if line.startswith("## ")]
    assert [heading for heading in sections if heading in HEADINGS] == list(HEADINGS)


@each_type
def test_page_shows_what_is_reported_what_is_not_and_a_broken_anchor(name: str) -> None:
    examples = parse(page(name), name)
    reporting = [example for example in examples if any(file.expected for file in example.files)]
    silent = [example for example in examples if not example.broken and example not in reporting]
    assert reporting
    assert silent
    assert any(example.broken for example in examples)


@each_type
def test_page_lists_the_checks_its_examples_report(name: str) -> None:
    """The table under "Findings" has the name of a check in backticks in its first column."""
    table = page(name).partition("\n## Findings\n")[2].partition("\n## ")[0]
    documented = set(re.findall(r"^\| `([\w-]+)` ", table, re.MULTILINE))
    shown = {each.check for example in parse(page(name), name) for each in answer(example).reported}
    assert documented == shown


@each_type
def test_page_names_every_option(name: str) -> None:
    kind = contract_types.load(name)
    assert kind is not None
    text = page(name)
    assert not [key for field in fields(kind.options) if f"`{(key := options.key_of(field))}`" not in text]


def test_every_page_is_of_a_type() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == contract_types.own_types()


def page(name: str) -> str:
    path = PAGES / f"{name}.md"
    assert path.exists(), f"contract type {name} has no page {path.relative_to(PAGES.parents[2])}"
    return path.read_text(encoding="utf-8")
