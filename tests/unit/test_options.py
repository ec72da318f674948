"""TOML values become typed values, or complaints that say how to mend them."""

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import options


@dataclass(frozen=True)
class Edge:
    source: str
    to_states: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.source in self.to_states:
            raise ValueError(f"{self.source} leads to itself")


@dataclass(frozen=True)
class Options:
    name: str
    strict: bool = False
    limit: int = 3
    share: float = 0.5
    allowed_callers: tuple[str, ...] = ()
    mapping: dict[str, str] | None = None
    groups: dict[str, tuple[str, ...]] | None = None
    mode: Literal["before", "after", "finally"] = "finally"
    edges: tuple[Edge, ...] = ()
    edge: Edge | None = None
    either: str | tuple[str, ...] = ""


def build(table: dict[str, Any]) -> tuple[Options | None, list[tuple[str, str]]]:
    complaints: list[tuple[str, str]] = []
    return options.build(Options, table, lambda key, text: complaints.append((key, text))), complaints


GOOD = {
    "strict": True,
    "limit": -1,
    "share": 2,
    "allowed-callers": ["a", "b"],
    "mapping": {"a": "b"},
    "groups": {"a": ["b", "c"], "d": []},
    "mode": "after",
    "edges": [{"source": "a"}, {"source": "b", "to-states": ["a"]}],
    "edge": {"source": "z"},
    "either": ["x"],
}

BAD = [
    ({}, "name", "missing: a string is required"),
    ({"name": 1}, "name", "must be a string, is 1"),
    ({"name": ["a"]}, "name", "must be a string, is a list"),
    ({"name": "n", "strict": "yes"}, "strict", 'must be true or false, is "yes"'),
    ({"name": "n", "strict": 1}, "strict", "must be true or false, is 1"),
    ({"name": "n", "limit": True}, "limit", "must be a whole number, is true"),
    ({"name": "n", "limit": 1.5}, "limit", "must be a whole number, is 1.5"),
    ({"name": "n", "share": "1"}, "share", 'must be a number, is "1"'),
    ({"name": "n", "allowed-callers": "a"}, "allowed-callers", 'must be a list of strings, is "a"; write ["a"]'),
    ({"name": "n", "allowed-callers": ["a", 2]}, "allowed-callers[1]", "must be a string, is 2"),
    ({"name": "n", "allowed_callers": ["a"]}, "allowed_callers", 'unknown key; did you mean "allowed-callers"?'),
    ({"name": "n", "mapping": {"a": 1}}, "mapping.a", "must be a string, is 1"),
    ({"name": "n", "groups": {"a": ["b", []]}}, "groups.a[1]", "must be a string, is a list"),
    ({"name": "n", "mode": "finaly"}, "mode", 'is "finaly"; did you mean "finally"?'),
    ({"name": "n", "mode": "never"}, "mode", 'must be one of "before", "after", "finally", is "never"'),
    ({"name": "n", "edges": [{"source": "a", "sauce": "a"}]}, "edges[0].sauce", 'unknown key; did you mean "source"?'),
    ({"name": "n", "edges": [{"source": "a", "to-states": ["a"]}]}, "edges[0]", "a leads to itself"),
    ({"name": "n", "edges": {"source": "a"}}, "edges", "must be a list (a table each), is a table"),
    ({"name": "n", "either": 3}, "either", "must be a string or a list of strings, is 3"),
    ({"name": "n", "zzz": 3}, "zzz", "unknown key; known: "),
]


def test_every_kind_of_field() -> None:
    built, complaints = build({"name": "n", **GOOD})
    assert complaints == []
    assert built == Options(
        "n", True, -1, 2.0, ("a", "b"), {"a": "b"}, {"a": ("b", "c"), "d": ()}, "after",
        (Edge("a"), Edge("b", ("a",))), Edge("z"), ("x",),
    )  # fmt: skip


def test_defaults() -> None:
    assert build({"name": "n"}) == (Options("n"), [])


@pytest.mark.parametrize(("table", "key", "text"), BAD)
def test_mistakes(table: dict[str, Any], key: str, text: str) -> None:
    built, complaints = build(table)
    assert built is None
    assert [where for where, _ in complaints] == [key]
    assert text in complaints[0][1]


def test_all_mistakes_at_once() -> None:
    _, complaints = build({"limit": "x", "mode": 1, "oops": 1, "edges": [{}, {"source": 1}]})
    assert sorted(key for key, _ in complaints) == [
        "edges[0].source",
        "edges[1].source",
        "limit",
        "mode",
        "name",
        "oops",
    ]


toml_values = st.recursive(
    st.one_of(st.text(max_size=6), st.integers(), st.floats(allow_nan=False), st.booleans(), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=8,
)
keys = st.one_of(st.sampled_from(["name", *GOOD]), st.text(max_size=6))


@given(st.dictionaries(keys, toml_values, max_size=6))
def test_any_table_is_built_or_complained_about(table: dict[str, Any]) -> None:
    built, complaints = build(table)
    assert (built is None) == bool(complaints)
