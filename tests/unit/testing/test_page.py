"""The page reader: every form it knows, and every way of writing a page that would not test anything."""

from __future__ import annotations

import pytest

from governance.testing import PageError, parse
from governance.testing.page import Anchor, Expected

CONTRACT = '```toml\n[only-one]\ntype = "confined-call"\n```\n'


def page(body: str) -> str:
    return f"# Title\n\n{CONTRACT}\n{body}"


def block(path: str, code: str) -> str:
    return f"`{path}`:\n```py\n{code}\n```\n"


def test_an_example_knows_its_files_contracts_and_places() -> None:
    text = page("## A call\n\nProse with `code`: inside.\n\n" + block("a/b.py", "x = 1\nf()  # finding: f() is called"))
    (example,) = parse(text, "confined-call")
    (file,) = example.files
    assert example.id == "confined-call: A call"
    assert example.contracts == {"only-one": {"type": "confined-call"}}
    assert (file.path, file.text) == ("a/b.py", "x = 1\nf()  # finding: f() is called\n")
    assert file.expected == (Expected(2, "f() is called"),)
    assert text.splitlines()[file.page_line - 1] == "x = 1"
    assert text.splitlines()[example.line - 1] == "## A call"


@pytest.mark.parametrize(
    ("expected", "comment"),
    [
        pytest.param([Expected(1, "a b")], "# finding: a b", id="finding"),
        pytest.param([Expected(1, "a", "taken")], "# finding[taken]: a", id="check"),
        pytest.param([Expected(1, "a", "", False)], "# possible: a", id="possible"),
        pytest.param([Expected(1, "a", "x-y", False)], "#possible[x-y]: a  ", id="no space"),
        pytest.param([Expected(1, "a"), Expected(1, "b")], "# finding: a | finding: b", id="two"),
        pytest.param([Expected(1, "a"), Expected(1, "b")], "# finding: a | b", id="two, word once"),
        pytest.param([Expected(1, "a"), Expected(1, "b", "c", False)], "# finding: a | possible[c]: b", id="mixed"),
        pytest.param([Expected(1, "a")], "# type: ignore  # finding: a", id="after another comment"),
    ],
)
def test_annotations(expected: list[Expected], comment: str) -> None:
    (example,) = parse(page("## One\n" + block("m.py", f"f()  {comment}")))
    assert list(example.files[0].expected) == expected


def test_a_whole_file_is_annotated_beside_its_name() -> None:
    (example,) = parse(page("## One\n`m.py`: <!-- finding[name]: bad name -->\n\n```py\npass\n```\n"))
    assert example.files[0].expected == (Expected(0, "bad name", "name"),)


def test_a_file_may_be_named_because_it_is_absent() -> None:
    shared = block("m.py", "a = 1")
    gone = "`m.py`: <!-- absent -->\n\n`n.py`: <!-- absent | finding[gone]: n is gone -->\n"
    (example,) = parse(page(f"## One\n{shared}### Two\n{gone}"))
    assert [(file.path, file.absent, file.expected) for file in example.files] == [
        ("m.py", True, ()),
        ("n.py", True, (Expected(0, "n is gone", "gone"),)),
    ]


def test_a_file_may_be_shown_as_it_was() -> None:
    (example,) = parse(page("## One\n" + block("m.py", "a = 1") + "`m.py`: <!-- at main -->\n```py\na = 2\n```\n"))
    assert [(file.at, file.text) for file in example.files] == [("", "a = 1\n"), ("main", "a = 2\n")]


def test_any_other_kind_of_file_may_be_part_of_an_example() -> None:
    (example,) = parse(page("## One\n`setup.toml`:\n```toml\na = 1\n```\n"))
    assert [(file.path, file.text) for file in example.files] == [("setup.toml", "a = 1\n")]


def test_files_of_a_section_belong_to_its_subsections_which_may_replace_them() -> None:
    shared = block("shared.py", "a = 1") + block("other.py", "b = 1")
    one, two = block("m.py", "c = 1"), block("shared.py", "a = 2")
    text = page(f"## Group\n{shared}\n### One\n{one}\n### Two\n{two}\n## End\n")
    by_title = {example.title: {file.path: file.text for file in example.files} for example in parse(text)}
    assert by_title == {
        "Group / One": {"shared.py": "a = 1\n", "other.py": "b = 1\n", "m.py": "c = 1\n"},
        "Group / Two": {"shared.py": "a = 2\n", "other.py": "b = 1\n"},
    }


def test_contracts_hold_until_the_next_toml_block() -> None:
    other = '```toml\n[contracts.b]\ntype = "vocabulary"\n[contracts.c]\ntype = "layers"\n```\n'
    text = page("".join(f"## {n}\n{other if n == 3 else ''}{block('m.py', 'pass')}" for n in range(1, 5)))
    assert [[*example.contracts] for example in parse(text)] == [["only-one"], ["only-one"], ["b", "c"], ["b", "c"]]


def test_a_toml_block_behind_the_files_is_for_what_follows() -> None:
    text = page(f'## One\n{block("m.py", "pass")}\n```toml\ntype = "layers"\n```\n## Two\n{block("m.py", "pass")}')
    assert [[*example.contracts] for example in parse(text)] == [["only-one"], ["layers"]]


@pytest.mark.parametrize(
    ("ids", "toml"),
    [
        pytest.param(["slug"], '[slug]\ntype = "x"', id="short"),
        pytest.param(["slug"], '[contracts.slug]\ntype = "x"', id="contracts"),
        pytest.param(["slug"], '[governance.contracts.slug]\ntype = "x"', id="governance"),
        pytest.param(["slug"], '[tool.governance.contracts.slug]\ntype = "x"', id="as in pyproject"),
        pytest.param(["layers"], 'type = "layers"\nnames = []', id="bare: the type is the id"),
        pytest.param(["tool"], '[tool]\ntype = "x"', id="an id called tool"),
    ],
)
def test_forms_of_configuration(ids: list[str], toml: str) -> None:
    (example,) = parse(f"```toml\n{toml}\n```\n## One\n{block('m.py', 'pass')}")
    assert list(example.contracts) == ids


def test_expectations_about_anchors() -> None:
    marks = ("broken: enum", "broken: allowed: mean a:b", "vacuous", "skipped: no base", "prose")
    body = "## One\n" + "".join(f"<!-- {mark} -->\n" for mark in marks)
    (example,) = parse(page(body + block("m.py", "pass")))
    assert example.broken == (Anchor("enum"), Anchor("allowed", "mean a:b"))
    assert example.vacuous
    assert example.skipped == ("no base",)


def test_code_fences_inside_longer_fences_and_headings_inside_code_are_text() -> None:
    (example,) = parse(page("## One\n`m.py`:\n````py\n# Heading\nx = '''\n```py\n'''\n````\n"))
    assert example.files[0].text == "# Heading\nx = '''\n```py\n'''\n"


def test_a_page_without_examples_has_none() -> None:
    assert parse("# Title\n\nProse.\n\n```text\ncode\n```\n") == []


@pytest.mark.parametrize(
    ("message", "text"),
    [
        pytest.param("page:9: a Python block needs a file name", page("## One\n```py\nf()\n```\n"), id="nameless"),
        pytest.param("a Python block needs a file name", page("## One\n```python\nf()\n```\n"), id="nameless python"),
        pytest.param("page:9: no code block follows", page("## One\n`m.py`:\n\nProse.\n"), id="name without block"),
        pytest.param("page:9: no code block follows", page("## One\n`m.py`:\n## Two\n"), id="name before heading"),
        pytest.param("no code block follows", page("## One\n`m.py`:"), id="name at the end"),
        pytest.param("is never closed", page("## One\n`m.py`:\n```py\nf()\n"), id="open block"),
        pytest.param("has no contract", "## One\n" + block("m.py", "pass"), id="no contract"),
        pytest.param("configures no contract", "```toml\na = 1\n```\n", id="toml without contract"),
        pytest.param("cannot be read", "```toml\na = \n```\n", id="broken toml"),
        pytest.param("11: cannot read", page("## One\n" + block("m.py", "f()  # findings: x")), id="plural"),
        pytest.param("cannot read", page("## One\n" + block("m.py", "f()  # Finding: x")), id="capital"),
        pytest.param("cannot read", page("## One\n" + block("m.py", "f()  # finding x")), id="no colon"),
        pytest.param("cannot read", page("## One\n" + block("m.py", "f()  # finding:")), id="no text"),
        pytest.param("cannot read", page("## One\n" + block("m.py", "f()  # finding: a | ")), id="empty second"),
        pytest.param("cannot read '<!-- broken -->'", page("## One\n<!-- broken -->\n"), id="broken without option"),
        pytest.param("cannot read", page("## One\n<!-- finding: x -->\n"), id="finding outside of a file"),
        pytest.param("a second file is called `m.py`", page("## One\n" + 2 * block("m.py", "pass")), id="twice a file"),
        pytest.param("a second example", page(2 * ("## One\n" + block("m.py", "pass"))), id="twice a title"),
    ],
)
def test_pages_that_would_test_nothing_are_refused(message: str, text: str) -> None:
    with pytest.raises(PageError) as caught:
        parse(text)
    assert message in str(caught.value)
