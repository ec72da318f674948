"""The automaton of each mode, as words over its events and what is owed at their end."""

import pytest

from governance.paths.automaton import CLOSE, DUTY, OPEN, TRIGGER, Mode, automaton

EVENTS = {"t": TRIGGER, "d": DUTY, "(": OPEN, ")": CLOSE}


def verdict(mode: Mode, word: str, once: bool = False, each: bool = False, has_trigger: bool = True) -> str:
    table = automaton(mode, has_trigger, once, each)
    state = table.start
    for letter in word:
        state = table.move(state, EVENTS[letter])
    if state in table.wrong:
        return "wrong"
    return "owing" if state in table.owing else "fine"


@pytest.mark.parametrize(
    ("mode", "word", "expected"),
    [
        ("after", "", "fine"),
        ("after", "t", "owing"),
        ("after", "td", "fine"),
        ("after", "d", "fine"),
        ("after", "dt", "owing"),
        ("after", "tt", "owing"),
        ("after", "ttd", "fine"),
        ("after", "tdtd", "fine"),
        ("after", "tdt", "owing"),
        ("after", "tdd", "fine"),
        ("finally", "t", "owing"),
        ("finally", "td", "fine"),
        ("every-exit", "", "owing"),
        ("every-exit", "d", "fine"),
        ("every-exit", "dt", "owing"),
        ("every-exit", "td", "fine"),
        ("before", "", "fine"),
        ("before", "t", "wrong"),
        ("before", "dt", "fine"),
        ("before", "dtt", "fine"),
        ("before", "td", "wrong"),
        ("around", "t", "wrong"),
        ("around", "(t)", "fine"),
        ("around", "(t)t", "wrong"),
        ("around", "((t)t)", "fine"),
        ("around", "(())t", "wrong"),
    ],
)
def test_words(mode: Mode, word: str, expected: str) -> None:
    assert verdict(mode, word) == expected


@pytest.mark.parametrize(
    ("mode", "word", "expected"),
    [("after", "tdd", "wrong"), ("after", "tdtd", "fine"), ("every-exit", "dd", "wrong"), ("before", "ddt", "wrong")],
)
def test_once(mode: Mode, word: str, expected: str) -> None:
    assert verdict(mode, word, once=True) == expected


@pytest.mark.parametrize(
    ("mode", "word", "expected"),
    [("after", "ttd", "wrong"), ("after", "tdtd", "fine"), ("before", "dtt", "wrong"), ("before", "dtdt", "fine")],
)
def test_each(mode: Mode, word: str, expected: str) -> None:
    assert verdict(mode, word, each=True) == expected


@pytest.mark.parametrize("mode", ["finally", "every-exit"])
def test_without_a_trigger_it_is_due_from_the_start(mode: Mode) -> None:
    assert verdict(mode, "", has_trigger=False) == "owing"
    assert verdict(mode, "d", has_trigger=False) == "fine"
