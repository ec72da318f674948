"""What the page of vocabulary cannot show: chains, bindings, refused options, and the execution layer's own words."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from governance import options
from governance.contract import Report
from governance.contracts import vocabulary
from governance.extract import extract
from governance.findings import Grade
from governance.index import Index, Module

STATES = """\
from enum import Enum
class State(str, Enum):
    LOADED = "LOADED"
    RUNNING = "RUNNING"
"""
RECORD = """\
from states import State
class Record:
    state: State = State.LOADED
class Registry:
    def update(self, name: str, state: str) -> None: ...
"""


def report(files: Mapping[str, str], **given: object) -> Report:
    table = {"values": ["LOADED", "RUNNING"], "enum": ["states:State"], **given}
    complaints: list[str] = []
    built = options.build(vocabulary.Options, table, lambda key, text: complaints.append(f"{key}: {text}"))
    assert built is not None, complaints
    sources = {"states": STATES, "record": RECORD} | dict(files)
    return vocabulary.check(
        Index(Module(name, f"{name}.py", extract(text.encode())) for name, text in sources.items()), built
    )


def refused(**given: object) -> str:
    complaints: list[str] = []
    table = {"values": ["LOADED"], "enum": ["states:State"], **given}
    assert options.build(vocabulary.Options, table, lambda key, text: complaints.append(f"{key}: {text}")) is None
    return "; ".join(complaints)


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        pytest.param("values must name at least one word", {"values": []}, id="no words"),
        pytest.param("name what holds the words", {"enum": []}, id="nothing governed"),
        pytest.param("LOADED cannot be in values and in forbidden", {"forbidden": ["LOADED"]}, id="both"),
        pytest.param("columns are written table.column, not 'state'", {"columns": ["state"]}, id="column"),
        pytest.param("columns are written table.column, not 'a.b.c'", {"columns": ["a.b.c"]}, id="long column"),
        pytest.param('must be one of "names", "values"', {"match": "name"}, id="match"),
    ],
)
def test_options_that_make_no_sense_are_refused(expected: str, given: dict[str, object]) -> None:
    assert expected in refused(**given)


def test_a_finding_tells_how_the_word_got_there() -> None:
    text = (
        "from record import Record\nDONE = 'SUCCESS'\n"
        "def word():\n    return DONE\n"
        "def close(record: Record):\n    record.state = word()\n"
    )
    (violation,) = report({"m": text}).violations
    steps = [step.text for step in violation.chain]
    assert any("word" in step for step in steps), steps
    assert any("'SUCCESS'" in step for step in steps), steps
    assert all(step.ref is not None for step in violation.chain)
    assert violation.grade is Grade.DEFINITE


def test_a_member_tells_where_the_enumeration_comes_from() -> None:
    (violation,) = report({"m": "from states import State as S\nX = S.SUCCESS\n"}, forbidden=["SUCCESS"]).violations
    assert any("State" in step.text for step in violation.chain), violation.chain


def test_bindings_name_what_the_contract_holds_on_to() -> None:
    found = report({}, attributes=["record:Record.state"], parameters=["record:Registry.update.state"])
    assert [(each.role, each.text) for each in found.bindings] == [
        ("member", "State.LOADED"),
        ("member", "State.RUNNING"),
        ("attribute", "record:Record.state"),
        ("parameter", "record:Registry.update.state"),
    ]
    assert found.sites > 0
    assert found.violations == []


def test_an_anchor_through_a_re_export_holds() -> None:
    found = report({"public": "from states import State as Words\n"}, enum=["public:Words"])
    assert found.broken == []
    assert [each.role for each in found.bindings] == ["member", "member"]


def test_a_contract_that_names_nothing_is_broken_and_suggests() -> None:
    found = report({}, enum=["state:State"], attributes=["record:Recrd.state"])
    assert [(each.option, each.suggestion) for each in found.broken] == [
        ("enum", "states:State"),
        ("attributes", "record:Record.state"),
    ]


def test_subjects_hold_no_places() -> None:
    """They are part of the fingerprint, which must survive moves within a function."""
    one, two = (
        [
            each.subject
            for each in report({"m": f"{blank}from record import Record\nRecord.state = 'SUCCESS'\n"}).violations
        ]
        for blank in ("", "\n\n\n")
    )
    assert one == two == ["SUCCESS Record.state"]


LIFECYCLE = ["LOADED", "INITIALIZED", "RUNNING", "FAILED", "UNAVAILABLE"]


@pytest.mark.requirement("R-015", "R-065")
@pytest.mark.parametrize("word", ["SUCCESS", "ERROR", "PENDING", "success", "Loaded"])
@pytest.mark.parametrize(
    ("check", "code"),
    [
        pytest.param("argument", "registry.update('a', {word!r})", id="positional"),
        pytest.param("argument", "registry.update(name='a', state={word!r})", id="keyword"),
        pytest.param("store", "record.state = {word!r}", id="assigned"),
        pytest.param("store", "setattr(record, 'state', {word!r})", id="setattr"),
        pytest.param("comparison", "x = record.state == {word!r}", id="compared"),
        pytest.param("comparison", "x = record.state in ('LOADED', {word!r})", id="among others"),
        pytest.param("lookup", "State({word!r})", id="by value"),
        pytest.param("lookup", "State[{word!r}]", id="by name"),
        pytest.param("lookup", "getattr(State, {word!r})", id="by attribute"),
        pytest.param("member", "x = State.{word}", id="member"),
    ],
)
def test_words_outside_the_lifecycle_are_found(word: str, check: str, code: str) -> None:
    body = code.format(word=word)
    head = "from record import Record, Registry\nfrom states import State\n"
    text = f"{head}def f(record: Record, registry: Registry):\n    {body}\n"
    given = {"parameters": ["record:Registry.update.state"], "forbidden": ["SUCCESS", "ERROR"]}
    found = report({"m": text}, **given).violations
    assert [(each.check, each.grade) for each in found] == [(check, Grade.DEFINITE)]


@pytest.mark.requirement("R-065")
@pytest.mark.parametrize("word", ["SUCCESS", "ERROR"])
@pytest.mark.parametrize(
    "definition",
    [
        pytest.param(
            "from enum import Enum\nclass State(str, Enum):\n    LOADED = 'LOADED'\n    {word} = '{word}'\n", id="class"
        ),
        pytest.param("from enum import Enum\nState = Enum('State', 'LOADED {word}')\n", id="functional"),
        pytest.param("from typing import Literal\nState = Literal['LOADED', '{word}']\n", id="literal"),
    ],
)
def test_members_outside_the_lifecycle_are_found(word: str, definition: str) -> None:
    found = report({"states": definition.format(word=word), "record": ""}).violations
    assert [(each.check, each.subject) for each in found] == [("definition", word)]


def test_a_plain_function_with_the_name_of_a_validator_is_none() -> None:
    used = "def parse_obj(given):\n    return given\n\n\nparse_obj({'state': 'DONE'})\n"
    assert not report({"used": used}).violations
