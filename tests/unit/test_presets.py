"""Filling the blanks of a preset."""

from typing import Any

import pytest

from governance import presets

DOCUMENT: dict[str, Any] = {
    "description": "for tests",
    "parameters": {
        "runner": {"description": "who may run"},
        "states": {"description": "the states", "type": "strings", "default": ["A", "B"]},
        "edges": {"description": "the edges", "type": "table", "default": {"A": ["B"]}},
        "strict": {"description": "whether", "type": "boolean", "default": True},
    },
    "contracts": {
        "one": {"type": "t", "because": "only ${runner} may", "allowed": ["${runner}", "x", "${states}"]},
        "two": {
            "type": "t",
            "states": "${states}",
            "edges": "${edges}",
            "strict": "${strict}",
            "n": 3,
            "${runner}": {},
        },
    },
}


def fill(given: dict[str, Any], document: dict[str, Any] = DOCUMENT) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    complaints: list[tuple[str, str]] = []
    return presets.fill("p", document, given, lambda key, text: complaints.append((key, text))), complaints


def test_blanks_are_filled() -> None:
    filled, complaints = fill({"runner": "m:f", "states": ["C"]})
    assert complaints == []
    assert filled == {
        "one": {"type": "t", "because": "only m:f may", "allowed": ["m:f", "x", "C"]},
        "two": {"type": "t", "states": ["C"], "edges": {"A": ["B"]}, "strict": True, "n": 3, "m:f": {}},
    }


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ({}, "runner", 'missing: preset "p" needs who may run'),
        ({"runner": ["a"]}, "runner", "must be a string: who may run"),
        ({"runner": "a", "states": "A"}, "states", "must be a list of strings: the states"),
        ({"runner": "a", "states": [1]}, "states", "must be a list of strings: the states"),
        ({"runner": "a", "edges": ["A"]}, "edges", "must be a table: the edges"),
        ({"runner": "a", "strict": "A"}, "strict", "must be true or false: whether"),
        ({"runner": "a", "runers": "A"}, "runers", 'preset "p" has no such parameter; did you mean "runner"?'),
    ],
)
def test_mistakes_of_the_user(given: dict[str, Any], key: str, text: str) -> None:
    assert fill(given)[1] == [(key, text)]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"contracts": {"a": {"x": "${nope}"}}}, r"\${nope} is not declared"),
        ({"contracts": {"a": {"x": "in ${nope} text"}}}, r"\${nope} is not declared"),
        (
            {"parameters": {"p": {"description": "d", "default": ""}}, "contracts": {}},
            "parameter p is used by no contract",
        ),
        ({"parameters": {"p": {"default": ""}}, "contracts": {"a": {"x": "${p}"}}}, "p.description: missing"),
        ({"contract": {}}, "unknown key contract"),
        (
            {
                "parameters": {"p": {"description": "d", "type": "strings", "default": []}},
                "contracts": {"a": {"x": "in ${p}"}},
            },
            "parameter p is not a string and cannot stand inside one",
        ),
    ],
)
def test_mistakes_of_the_preset(document: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        fill({}, document)


@pytest.mark.parametrize("name", presets.names())
def test_our_presets_are_sound(name: str) -> None:
    complaints: list[str] = []
    assert presets.contracts(name, {}, lambda key, text: complaints.append(f"{key}: {text}"))
    assert all("missing" in complaint for complaint in complaints)
