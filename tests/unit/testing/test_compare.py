"""Comparing: an example holds only if every annotation and every finding have a partner."""

from __future__ import annotations

import pytest

from governance.findings import Grade
from governance.testing import Answer, Reported, compare, parse

PAGE = """# Title
```toml
type = "t"
```
## One
{comments}
`pkg/m.py`:
```py
a = 1
b = 2{annotation}
```
"""


def said(
    line: int = 2, message: str = "b is bad", check: str = "bad", path: str = "pkg/m.py", fails: bool = True
) -> Reported:
    return Reported(path, line, check, message, fails, Grade.DEFINITE if fails else Grade.POSSIBLE)


def mismatches(annotation: str, *reported: Reported, comments: str = "", **rest: tuple[object, ...]) -> list[str]:
    text = PAGE.format(annotation=f"  # {annotation}" if annotation else "", comments=comments)
    (example,) = parse(text, "page")
    rest = {"broken": (), "vacuous": (), **rest}
    given = Answer(reported, **rest)  # type: ignore[arg-type]
    return [str(each) for each in compare(example, given)]


@pytest.mark.parametrize(
    ("annotation", "reported"),
    [
        pytest.param("", (), id="silent"),
        pytest.param("finding: is bad", (said(),), id="part of the message"),
        pytest.param("finding[bad]: b", (said(),), id="check"),
        pytest.param("possible: b", (said(fails=False),), id="possible"),
        pytest.param("finding: b | possible: c", (said(message="c", fails=False), said()), id="two, any order"),
        pytest.param("finding: b | finding: bad", (said(message="bad"), said(message="b bad")), id="not greedy"),
        pytest.param("finding: b is | b is", (said(), said()), id="twice the same"),
    ],
)
def test_holds(annotation: str, reported: tuple[Reported, ...]) -> None:
    assert mismatches(annotation, *reported) == []


@pytest.mark.parametrize(
    ("expected", "annotation", "reported"),
    [
        pytest.param(["page:10: One: pkg/m.py:2: missed finding: b"], "finding: b", (), id="missed"),
        pytest.param(["page:10: One: pkg/m.py:2: false alarm finding[bad]: b is bad"], "", (said(),), id="false alarm"),
        pytest.param([":9: One: pkg/m.py:1: false alarm", ":2: missed"], "finding: b", (said(1),), id="another line"),
        pytest.param([":2: missed finding: c; this line reports", ":2: false"], "finding: c", (said(),), id="text"),
        pytest.param([":2: missed finding[x]: b", ":2: false alarm"], "finding[x]: b", (said(),), id="another check"),
        pytest.param([":2: missed finding: b", "alarm possible"], "finding: b", (said(fails=False),), id="level"),
        pytest.param([":2: missed possible: b", ":2: false alarm finding"], "possible: b", (said(),), id="too certain"),
        pytest.param([":2: false alarm"], "finding: b", (said(), said()), id="one too many"),
        pytest.param([":2: missed"], "finding: b | b", (said(),), id="one too few"),
        pytest.param(["page:8: One: pkg/m.py:0: false alarm"], "", (said(0),), id="whole file"),
        pytest.param(["outside of the files"], "", (said(path="x.py"),), id="a file that is not there"),
    ],
)
def test_every_difference_is_named(expected: list[str], annotation: str, reported: tuple[Reported, ...]) -> None:
    found = mismatches(annotation, *reported)
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))


BROKEN = (("enum", "a:B names nothing"),)


@pytest.mark.parametrize(
    ("expected", "comments", "broken"),
    [
        pytest.param([], "<!-- broken: enum -->", BROKEN, id="expected"),
        pytest.param([], "<!-- broken: enum: a:B -->", BROKEN, id="expected with text"),
        pytest.param(["page:5: One: broken contract, option 'enum'"], "", BROKEN, id="not expected"),
        pytest.param(["option 'enum' should name nothing"], "<!-- broken: enum -->", (), id="not broken"),
        pytest.param(["'other' should", "option 'enum'"], "<!-- broken: other -->", BROKEN, id="another option"),
        pytest.param(["'enum' should", "option 'enum'"], "<!-- broken: enum: a:C -->", BROKEN, id="another text"),
        pytest.param(["option 'enum'"], "<!-- broken: enum -->", BROKEN * 2, id="one too many"),
    ],
)
def test_anchors(expected: list[str], comments: str, broken: tuple[tuple[str, str], ...]) -> None:
    found = mismatches("", comments=comments, broken=broken)
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    ("expected", "comments", "vacuous"),
    [
        pytest.param([], "", (), id="not vacuous"),
        pytest.param([], "<!-- vacuous -->", ("t",), id="expected"),
        pytest.param(["contract t looked at nothing"], "", ("t",), id="not expected"),
        pytest.param(["should have nothing"], "<!-- vacuous -->", (), id="not vacuous though expected"),
    ],
)
def test_silence_that_proves_nothing(expected: list[str], comments: str, vacuous: tuple[str, ...]) -> None:
    found = mismatches("", comments=comments, vacuous=vacuous)
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))


@pytest.mark.parametrize(
    ("expected", "comments", "skipped"),
    [
        pytest.param([], "<!-- skipped: no base -->", (("t", "there is no base"),), id="expected"),
        pytest.param(["contract t was skipped: no base"], "", (("t", "no base"),), id="not expected"),
        pytest.param(["should be skipped, saying 'no base'"], "<!-- skipped: no base -->", (), id="asked"),
        pytest.param(["saying 'x'", "was skipped"], "<!-- skipped: x -->", (("t", "no base"),), id="another reason"),
    ],
)
def test_contracts_that_are_not_asked(expected: list[str], comments: str, skipped: tuple[tuple[str, str], ...]) -> None:
    found = mismatches("", comments=comments, skipped=skipped)
    assert len(found) == len(expected)
    assert all(part in each for each, part in zip(found, expected, strict=True))
