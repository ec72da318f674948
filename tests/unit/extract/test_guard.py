"""Hostile sources get a verdict in bounded time and memory, deep but sensible code gets facts, nothing crashes."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from governance.extract import ExtractError, extract
from governance.extract.effort import check
from governance.extract.tokens import BRACKETS, OPERATORS, tokens
from governance.facts import ModuleFacts
from tests.unit.extract.hostile import HOSTILE

SENSIBLE = {
    "a sum of 300 strings": "x = " + " + ".join(f"'{i}'" for i in range(300)),
    "a sum of 300 strings over lines": "x = (\n    " + "\n    + ".join(f"'{i}'" for i in range(300)) + "\n)",
    "150 chained calls": "x = q" + "".join(f".filter(a={i})" for i in range(150)),
    "150 chained calls over lines": "x = (\n    q" + "".join(f"\n    .filter(a={i})" for i in range(150)) + "\n)",
    "300 elifs": "if a: pass\n" + "".join(f"elif a == {i}: x = {i}\n" for i in range(300)),
    "1,500 strings side by side": "x = (" + "\n".join(f"'{i}'" for i in range(1_500)) + ")",
    "a table of 4,000 tuples": "x = [\n" + "".join(f"    ({i}, 'a', [{i}]),\n" for i in range(4_000)) + "]",
    "a tree 30 levels deep": "x = " + "{'a': [" * 15 + "]}" * 15,
    "500 lambdas in a table": "x = {" + "".join(f"'{i}': lambda a, b: a + b,\n" for i in range(500)) + "}",
    "a pattern of 5 levels": "match x:\n    case {'a': {'b': [A(c=[y])]}}: pass",
    "200 conditions": "x = " + " or ".join(f"a == {i}" for i in range(200)),
    "2,000 branches one after the other": "".join(f"if a{i}: x = {i}\n" for i in range(2_000)) + "y = x",
    "20 suites in each other": "".join("    " * i + f"for x{i} in y:\n" for i in range(20)) + "    " * 20 + "pass",
    "brackets in strings": "x = [" + ", ".join("'((((((((('" for _ in range(300)) + "]",
    "a guard of 20 levels": "match x:\n    case {'a': [b, c]} if " + "f(" * 20 + ")" * 20 + ": pass",
    "a suite behind a case": "match x:\n    case (b, 'c'): x = " + "f(" * 20 + ")" * 20,
    "a case that is a function": "case(" * 8 + ")" * 8,
}


@pytest.mark.parametrize("source", SENSIBLE.values(), ids=SENSIBLE)
def test_sensible_code_has_facts(source: str) -> None:
    facts = extract(source.encode())
    assert ModuleFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


SIZES = (30, 90, 400, 1_500, 6_000, 25_000)
REPEATED = (10, 30, 60, 90, 200, 500)
FORKING = """
import json, os, resource, sys, time
from governance.extract import ExtractError, extract
extract(b"warm_up()")
for source in json.load(sys.stdin):
    sys.stdout.flush()
    if os.fork():
        _, status = os.wait()
        if status:
            print(json.dumps(["died", 0, 0]))
        continue
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    try:
        json.dumps(extract(source.encode()).to_json())
        verdict = "facts"
    except ExtractError as error:
        verdict = error.kind
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - base
    print(json.dumps([verdict, time.process_time() - start, peak / 1024]), flush=True)
    os._exit(0)
"""


def verdicts(sources: list[str]) -> list[tuple[str, float, float]]:
    """What becomes of each source in a process of its own: verdict, CPU seconds, megabytes."""
    command = [sys.executable, "-c", FORKING]
    run = subprocess.run(command, input=json.dumps(sources), capture_output=True, text=True, timeout=300, check=True)
    found = [tuple(json.loads(line)) for line in run.stdout.splitlines()]
    assert len(found) == len(sources)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_source_gets_a_verdict(name: str) -> None:
    sources = [source for size in SIZES if len(source := HOSTILE[name](size)) < 2_000_000]
    for source, (kind, seconds, megabytes) in zip(sources, verdicts(sources), strict=True):
        assert kind in {"facts", "parse", "too-deep"}
        assert seconds < 1 + len(source) / 100_000
        assert megabytes < 200 + len(source) / 1_000


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_twenty_kilobytes_of_it(name: str) -> None:
    sources = [repeated(HOSTILE[name](size)) for size in REPEATED]
    for kind, seconds, megabytes in verdicts([source for source in sources if len(source) <= 20_000]):
        assert kind in {"facts", "parse", "too-deep"}
        assert seconds < 1
        assert megabytes < 250


def repeated(source: str) -> str:
    """The same again and again, in 20 kilobytes."""
    return source * max(1, 20_000 // len(source))


@pytest.mark.parametrize(
    "name", ["chained calls", "parentheses", "tuple patterns", "not", "elif", "lambdas with parameters"]
)
def test_the_worst_are_refused_at_once(name: str) -> None:
    start = time.process_time()
    with pytest.raises(ExtractError) as caught:
        extract(HOSTILE[name](9_000).encode())
    assert caught.value.kind == "too-deep"
    assert time.process_time() - start < 1


def test_the_refusal_names_the_line() -> None:
    with pytest.raises(ExtractError) as caught:
        check("x = 1\n\ny = " + "(" * 500 + ")" * 500)
    assert (caught.value.kind, caught.value.line) == ("too-deep", 3)


TOKENS = {
    "brackets and line ends": ("f(a[1],\n{})\n", "([]\n{})\n"),
    "strings hide brackets": ("'(' \"[\" '''{\n''' r'\\(' b'('", ""),
    "escaped quote": (r"'\'(' (", "("),
    "comment": ("# (\n(", "\n("),
    "field of an f-string": ("f'({a[0]})' (", "{[]}("),
    "doubled braces": ("f'{{(}}' (", "("),
    "quotes in a field": ("f'{a('}', '(')}' (", "{()}("),
    "format with fields": ("f'{a:{b[0]}>(}' (", "{{[]}}("),
    "quote in a format": ('f"{a:\'(}" (', "{}("),
    "dict in a field": ("f'{ {1: 2}[1] }'", "{{}[]}"),
    "lambda in a field": ("f'{(lambda: 1)()}'", "{()()}"),
    "f-string in an f-string": ("f'{f'{a(1)}'}' (", "{{()}}("),
    "raw f-string": (r"rf'\{a(1)}' (", "{()}("),
    "not a prefix": ("of'(' (", "("),
}


@pytest.mark.parametrize(("source", "expected"), TOKENS.values(), ids=TOKENS)
def test_tokens(source: str, expected: str) -> None:
    found = "".join(token for token, _ in tokens(source, BRACKETS, 0, len(source)) if token in "()[]{}\n")
    assert found == expected
    brackets = "".join(token for token, _ in tokens(source, OPERATORS, 0, len(source)) if token in "()[]{}\n")
    assert brackets == expected
