"""Whatever the bytes are: facts that keep their promises, or an ExtractError. Nothing else."""

from __future__ import annotations

import json
import random
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.extract import ExtractError, extract, locate
from governance.facts import ModuleFacts
from tests.unit.extract import test_steps, test_values
from tests.unit.extract.hostile import HOSTILE
from tests.unit.extract.programs import program
from tests.unit.extract.rendering import steps, value

TABLES = (
    test_values.DEFINITIONS, test_values.JOINS, test_values.SCOPES, test_values.EXPRESSIONS, test_steps.STATEMENTS,
    test_steps.FUNCTIONS,
)  # fmt: skip
SNIPPETS = [
    *(source for table in TABLES for source, _ in table.values()),
    *(source(3) for source in HOSTILE.values()),
]
PIECES = (
    *"()[]{}:,;.=+-*/%@&|^~<>!\\\n\t\"'# ", "\n    ", "\n        ", "**", ":=", "->", "...", "'''", "f'{", "t'", "rb'",
    "0x", "1", "x", "self", "self.x", "_", "__all__", "\N{GREEK SMALL LETTER MU}", "\ufeff", "\r", "\f", "\x00",
    "\ud800",
    *(f" {word} " for word in (
        "def", "class", "lambda", "if", "elif", "else", "for", "while", "try", "except", "except*", "finally", "with",
        "as", "match", "case", "return", "raise", "from", "import", "global", "nonlocal", "del", "assert", "async",
        "await", "yield", "in", "is", "not", "and", "or", "None", "True", "type", "break", "continue", "pass", "lazy",
    )),
)  # fmt: skip


def holds(source: bytes) -> bool:
    """Whether there are facts; checks that they can be stored, read and located, and else that it says why not."""
    try:
        facts = extract(source)
    except ExtractError as error:
        refused = error
    else:
        check(source, facts)
        return True
    assert refused.kind in {"parse", "decode", "too-large", "too-deep"}
    assert refused.message
    return False


def check(source: bytes, facts: ModuleFacts) -> None:
    assert ModuleFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts
    assert len(facts.nodes) == len(facts.owner)
    spans = locate(source, range(len(facts.nodes)))
    assert all(span.line >= 1 and span.column >= 1 for span in spans.values())
    for number in range(len(facts.nodes)):
        value(facts, number)
    for scope in facts.scopes:
        steps(facts, scope.body)


def edited(source: str, choices: random.Random) -> str:
    """The source after a few cuts, copies, swaps and insertions."""
    for _ in range(choices.randint(1, 4)):
        start = choices.randrange(len(source) + 1)
        end = min(len(source), start + choices.randrange(12))
        match choices.randrange(5):
            case 0:
                source = source[:start] + source[end:]
            case 1:
                source = source[:end] + source[start:]
            case 2:
                source = source[:start] + choices.choice(PIECES) + source[start:]
            case 3:
                source = source[:start] + choices.choice(PIECES) + source[end:]
            case _:
                lines = source.split("\n")
                choices.shuffle(lines) if choices.random() < 0.2 else lines.append(choices.choice(lines))
                source = "\n".join(lines)
    return source


@pytest.mark.parametrize("start", range(0, 300, 100))
def test_edited_snippets(start: int) -> None:
    good = 0
    for seed in range(start, start + 100):
        choices = random.Random(seed)
        good += holds(edited(choices.choice(SNIPPETS), choices).encode("utf-8", "surrogatepass"))
    assert good > 10


@pytest.mark.slow
@pytest.mark.parametrize("start", range(300, 10_300, 1_000))
def test_many_edited_snippets(start: int) -> None:
    for seed in range(start, start + 1_000):
        choices = random.Random(seed)
        holds(edited(choices.choice(SNIPPETS), choices).encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(150))
def test_edited_library_files(seed: int) -> None:
    choices = random.Random(seed)
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    lines = choices.choice(files).read_text("utf-8", "replace").split("\n")
    start = choices.randrange(len(lines))
    holds(edited("\n".join(lines[start : start + 80]), choices).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("seed", range(10))
def test_random_programs(seed: int) -> None:
    assert holds(program(seed, "function").encode())


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_heaps_of_tokens(source: str) -> None:
    holds(source.encode("utf-8", "surrogatepass"))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes(source: bytes) -> None:
    holds(source)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["utf-8", "latin-1", "utf-7", "utf-16", "cp037", "rot13", "x"]), st.binary(max_size=60))
def test_any_bytes_behind_a_cookie(encoding: str, rest: bytes) -> None:
    holds(b"# coding: " + encoding.encode() + b"\n" + rest)
