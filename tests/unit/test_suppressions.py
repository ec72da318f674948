"""Suppression comments: which findings they take away, and which of them are findings themselves."""

from dataclasses import replace

import pytest

from governance import suppressions
from governance.findings import Finding, Grade, Place, Span
from governance.suppressions import Suppression

KNOWN = frozenset({"one", "two"})


def finding(line: int, end_line: int = 0, contract: str = "one") -> Finding:
    place = Place("a.py", Span(line, 1, end_line or line, 5))
    return Finding(contract, "t", "call", place, "f", "m", Grade.DEFINITE, True, "b", "i")


def test_what_guards_the_configuration_is_not_taken_away() -> None:
    comments = {"a.py": suppressions.find(b"f()  # governance: except[one] why\n")}
    applied = suppressions.apply([replace(finding(1), type="policy")], comments, KNOWN, frozenset())
    assert [each.check for each in applied.findings] == ["call", "not-suppressible"]
    assert applied.taken == {}


def apply(source: str, *findings: Finding) -> tuple[list[int], list[tuple[int, str]]]:
    """The lines of the findings that remain, and (line, check) of what is wrong with the comments."""
    comments = {"a.py": suppressions.find(source.encode())}
    applied = suppressions.apply(findings, comments, KNOWN, frozenset())
    remain = [each.place.span.line for each in applied.findings if each.contract != suppressions.NAME]
    about = [(each.place.span.line, each.check) for each in applied.findings if each.contract == suppressions.NAME]
    return remain, about


CASES = [
    ("same line", "f()  # governance: except[one] why\n", [finding(1)], [], []),
    ("without a space", "f()  #governance:except[one]why\n", [finding(1)], [], []),
    ("line above, alone", "# governance: except[one] why\nf()\n", [finding(2)], [], []),
    ("line above, indented", "if x:\n    # governance: except[one] why\n    f()\n", [finding(3)], [], []),
    ("line above, but not alone", "g()  # governance: except[one] why\nf()\n", [finding(2)], [2], [(1, "unused")]),
    ("two lines above", "# governance: except[one] why\n\nf()\n", [finding(3)], [3], [(1, "unused")]),
    (
        "two comments above",
        "# governance: except[one] why\n# governance: except[two] why\nf()\n",
        [finding(3), finding(3, contract="two")],
        [],
        [],
    ),
    ("last line of what was found", "f(\n  1,\n)  # governance: except[one] why\n", [finding(1, 3)], [], []),
    ("in the middle of it", "f(\n  1,  # governance: except[one] why\n)\n", [finding(1, 3)], [1], [(2, "unused")]),
    ("alone below it", "f()\n# governance: except[one] why\n", [finding(1)], [1], [(2, "unused")]),
    ("another contract", "f()  # governance: except[two] why\n", [finding(1)], [1], [(1, "unused")]),
    ("several findings", "f(g())  # governance: except[one] why\n", [finding(1), finding(1)], [], []),
    ("no reason", "f()  # governance: except[one]\n", [finding(1)], [1], [(1, "no-reason")]),
    ("blank reason", "f()  # governance: except[one]  \n", [finding(1)], [1], [(1, "no-reason")]),
    ("unknown contract", "f()  # governance: except[oen] why\n", [finding(1)], [1], [(1, "unknown-contract")]),
    ("no contract", "f()  # governance: except why\n", [finding(1)], [1], [(1, "form")]),
    ("all contracts", "f()  # governance: except[*] why\n", [finding(1)], [1], [(1, "form")]),
    ("other words", "f()  # governance: ignore\n", [finding(1)], [1], [(1, "form")]),
    ("in a string", "f('# governance: except[one] why')\n", [finding(1)], [1], []),
    ("in a docstring", '"""\n# governance: except[one] why\n"""\nf()\n', [finding(4)], [4], []),
    ("talk about it", "f()  # the governance: except[one] form\n", [finding(1)], [1], []),
    ("windows line ends", "x\r\nf()  # governance: except[one] why\r\n", [finding(2)], [], []),
    ("old mac line ends", "x\rf()  # governance: except[one] why\r", [finding(2)], [], []),
    ("byte order mark", "\ufefff()  # governance: except[one] why\n", [finding(1)], [], []),
    ("form feed", "x\n\x0c\nf()  # governance: except[one] why\n", [finding(3)], [], []),
    ("unused in a file without findings", "x = 1  # governance: except[one] why\n", [], [], [(1, "unused")]),
]


@pytest.mark.parametrize(("source", "findings", "remain", "about"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_cases(source: str, findings: list[Finding], remain: list[int], about: list[tuple[int, str]]) -> None:
    assert apply(source, *findings) == (remain, about)


def test_taken_findings_are_counted() -> None:
    comments = {"a.py": [Suppression(1, 1, 2, "one", "why", alone=False)]}
    applied = suppressions.apply([finding(1), finding(1), finding(2)], comments, KNOWN, frozenset())
    assert applied.taken == {"one": 2}


def test_another_file_is_not_touched() -> None:
    comments = {"b.py": [Suppression(1, 1, 2, "one", "why", alone=False)]}
    applied = suppressions.apply([finding(1)], comments, KNOWN, frozenset())
    assert [each.check for each in applied.findings] == ["call", "unused"]


def test_comments_for_contracts_that_gave_no_answer_are_left_alone() -> None:
    comments = {"a.py": [Suppression(1, 1, 2, "one", "why", alone=False)]}
    assert suppressions.apply([], comments, KNOWN, frozenset({"one"})).findings == []


def test_findings_about_comments_fail() -> None:
    comments = {"a.py": [Suppression(3, 5, 30, "", "", alone=True)]}
    (about,) = suppressions.apply([], comments, KNOWN, frozenset()).findings
    assert about.fails
    assert about.place.span == Span(3, 5, 3, 30)


def test_latin_1() -> None:
    source = "# -*- coding: latin-1 -*-\nf('é')  # governance: except[one] für später\n".encode("latin-1")
    assert [each.reason for each in suppressions.find(source)] == ["für später"]


@pytest.mark.parametrize("source", [b"f(  # governance: except[one] why", b"# governance\n'''", b"# governance\xff"])
def test_text_that_cannot_be_split(source: bytes) -> None:
    with pytest.raises(suppressions.Unreadable):
        suppressions.find(source)
