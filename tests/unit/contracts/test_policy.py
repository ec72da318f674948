"""The contract that guards the others: what it reads, suppressions and gates that moved, what types say of options."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path

import pytest

from governance import config, contract_types
from governance.contracts.policy import Options, exceptions, gates, promises
from governance.files import Base, GivenFiles

CHECKOUT = Path(__file__).parents[3]
ANY_CHANGE = {
    "layers": ["entry", "order"],
    "must-call": ["mode", "trigger"],
    "state-machine": ["attribute"],
    "vocabulary": ["match"],
}
"""Options of which no direction can be told: which of two values is weaker depends on the code."""


@pytest.mark.parametrize("name", contract_types.own_types())
def test_every_type_says_of_its_options_which_change_weakens(name: str) -> None:
    kind = contract_types.load(name)
    assert kind is not None
    known = {field.name for field in fields(kind.options)}
    assert set(kind.weaker) <= known
    assert sorted(known - set(kind.weaker)) == ANY_CHANGE.get(name, [])


def test_what_is_compared_is_what_the_scanner_reads() -> None:
    content = (CHECKOUT / "pyproject.toml").read_bytes()
    settings = config.read("pyproject.toml", content)
    read = promises.read("pyproject.toml", content, lambda _: None)
    assert read.files == settings.files
    assert read.disabled == settings.disabled
    found = {name: (promise.terms, asdict(promise.options)) for name, promise in read.promises.items()}
    assert found == {each.id: (each.terms, asdict(each.options)) for each in settings.contracts}


ONE = "f()  # governance: except[one] why\n"
ABOVE = "# governance: except[one] why\nf()\n"


@pytest.mark.parametrize(
    ("new", "before", "after"),
    [
        pytest.param([], {"a.py": ONE}, {"a.py": ONE + "g()\n"}, id="as it was"),
        pytest.param([], {"a.py": ONE}, {"a.py": "\n\n" + ONE}, id="moved down"),
        pytest.param([], {"a.py": ONE}, {"b/c.py": ONE}, id="moved to another file"),
        pytest.param([], {"a.py": ONE}, {"a.py": ABOVE}, id="moved above its line"),
        pytest.param([], {"a.py": ONE}, {"a.py": ONE.replace("why", "for another reason")}, id="another reason"),
        pytest.param([], {"a.py": ONE}, {"a.py": ONE.replace("f()", "f(1)")}, id="its code was changed"),
        pytest.param([], {"a.py": ONE}, {"a.py": "f()\n"}, id="gone"),
        pytest.param([], {"a.py": ONE.replace("one", "old")}, {"a.py": ONE}, id="the contract has another name"),
        pytest.param([], {"a.py": ""}, {"a.py": "f('# governance: except[one] why')\n"}, id="a text"),
        pytest.param([], {"a.py": ""}, {"a.md": ONE}, id="a document"),
        pytest.param([("a.py", 1)], {"a.py": "f()\n"}, {"a.py": ONE}, id="added"),
        pytest.param([("a.py", 2)], {"a.py": ONE}, {"a.py": ONE + ONE}, id="a second of the same"),
        pytest.param([("a.py", 3)], {"a.py": ONE}, {"a.py": ONE + "\n" + ABOVE.replace("why", "x")}, id="one more"),
        pytest.param([("b.py", 1)], {"a.py": ONE}, {"b.py": "g()  # governance: except[one] no\n"}, id="another place"),
        pytest.param([("a.py", 1)], {"a.py": ONE.replace("one", "two")}, {"a.py": ONE}, id="another contract"),
        pytest.param([("b.py", 1)], {"a.py": ONE}, {"a.py": ONE, "b.py": ONE}, id="a copy in a new file"),
        pytest.param([("run", 2)], {"a.py": ""}, {"run": "#!/usr/bin/env python3\n" + ONE}, id="a script"),
        pytest.param([("a.py", 1)], {"a.py": "f(\n"}, {"a.py": ONE}, id="the base cannot be read"),
        pytest.param([("a.py", 2)], {"a.py": ""}, {"a.py": "g()\r\n" + ONE}, id="windows line ends"),
        pytest.param([("a.py", 1)], {"a.py": ""}, {"a.py": "f()  # governance: ignore\n"}, id="not in the form"),
    ],
)
def test_suppressions_that_are_new(new: list[tuple[str, int]], before: dict[str, str], after: dict[str, str]) -> None:
    held, now = encoded(before), encoded(after)
    found = exceptions.added(GivenFiles(now), Base.given(held, now), {"old": "one"})
    assert [(path, comment.line) for path, comment in found] == new


RUN = "run: governance check"
GONE = f"a line that has to do with the scanner is gone: {RUN}"
WORKFLOW = """\
name: CI
on:
  pull_request:
  push:
    branches: [main]
jobs:
  lint:
    if: github.actor != 'x'
    steps:
    - run: ruff check
      continue-on-error: true
  gate:
    steps:
      - uses: actions/checkout@v7
      - name: Scan
        # before anything else
        run: governance check
        env:
          A: b
      - name: Tests
        if: always()
        run: pytest
"""
SCRIPT = "steps:\n  - name: all\n    run: |\n      make\n      governance check\n      make more\n"


def added(text: str) -> str:
    return f"{text} was added, which decides whether this line runs or counts: {RUN}"


@pytest.mark.parametrize(
    ("said", "before", "old", "new"),
    [
        pytest.param([], WORKFLOW, "", "", id="as it was"),
        pytest.param([], WORKFLOW, "      - name: Scan\n        ", "      -   name: Scan\n          ", id="indented"),
        pytest.param([], WORKFLOW, "run: pytest", "run: pytest -q", id="another step"),
        pytest.param([], WORKFLOW, "        if: always()", "        if: false", id="the condition of another step"),
        pytest.param([], WORKFLOW, "    if: github.actor != 'x'", "    if: false", id="the condition of another job"),
        pytest.param([], WORKFLOW, "# before anything else", "# whenever", id="a comment"),
        pytest.param([], WORKFLOW, "name: Scan", "name: Look", id="its name"),
        pytest.param([GONE], WORKFLOW, RUN, "run: 'true'", id="gone"),
        pytest.param([GONE], WORKFLOW, RUN, f"# {RUN}",
                     id="commented out"),
        pytest.param([GONE], WORKFLOW, RUN, f"{RUN} || true",
                     id="its answer is dropped"),
        pytest.param([added("if: false")], WORKFLOW, "- name: Scan", "- name: Scan\n        if: false", id="step"),
        pytest.param([added("continue-on-error: true")], WORKFLOW, "- name: Scan",
                     "- continue-on-error: true\n        name: Scan", id="step, first key"),
        pytest.param([added("continue-on-error: true")], WORKFLOW, "          A: b",
                     "          A: b\n        continue-on-error: true", id="step, last key"),
        pytest.param([added("if: false")], WORKFLOW, "  gate:\n", "  gate:\n    if: false\n", id="job"),
        pytest.param([added("? if")], WORKFLOW, "  gate:\n", "  gate:\n    ? if\n    : false\n", id="key of its own"),
        *(
            pytest.param([added(text)], WORKFLOW, "- name: Scan", f"- name: Scan\n        {text}", id=f"step, {text}")
            for text in ("shell: bash -c true {0}", "working-directory: /tmp/x")
        ),
        *(
            pytest.param([added(text)], WORKFLOW, "  gate:\n", f"  gate:\n    {text}\n", id=f"job, {text}")
            for text in ("needs: never", "strategy: {matrix: {x: []}}", "defaults: {run: {shell: true}}")
        ),
        pytest.param([added("if: >- false")], WORKFLOW, "  gate:\n", "  gate:\n    if: >-\n      false\n", id="folded"),
        pytest.param(
            [added("on: push: branches: [main]"),
             added("on: pull_request: push: branches: [main]").replace("was added", "is gone")],
            WORKFLOW, "  pull_request:\n", "", id="trigger"),
        pytest.param([], SCRIPT, "make more", "make less", id="a script, another line"),
        pytest.param([GONE.replace("run: ", "")], SCRIPT, "governance check\n",
                     "governance check --help\n", id="a script"),
        pytest.param(["if: false was added, which decides whether this line runs or counts: governance check"], SCRIPT,
                     "    run: |", "    if: false\n    run: |", id="a script, its step"),
    ],
)  # fmt: skip
def test_gates_that_are_gone_or_run_on_other_conditions(said: list[str], before: str, old: str, new: str) -> None:
    assert old in before
    assert changes({"ci/a.yml": before}, {"ci/a.yml": before.replace(old, new, 1) if old else before}) == said


def test_a_gate_may_move_to_another_file() -> None:
    assert changes({"ci/a.yml": WORKFLOW}, {"ci/b.yml": WORKFLOW}) == []


def test_a_gate_that_is_there_twice_may_not_go_once() -> None:
    twice = {"ci/a.yml": WORKFLOW, "ci/b.yml": WORKFLOW}
    assert len(changes(twice, {"ci/a.yml": WORKFLOW})) == 1


def test_a_file_that_the_configuration_leaves_out_is_looked_at_all_the_same() -> None:
    class Fewer(GivenFiles):
        @property
        def paths(self) -> tuple[str, ...]:
            return ()

    held = encoded({"ci/a.yml": WORKFLOW})
    assert list(gates.changes(Fewer(held), Base.given(held, held), ["ci/*"], ["governance"])) == []


@pytest.mark.parametrize(
    ("message", "options"),
    [
        pytest.param(r'gates: "/ci" leads out of the project', {"gates": ("/ci",)}, id="glob"),
        pytest.param(r'commands: "\(" is not a regular expression', {"commands": ("(",)}, id="expression"),
    ],
)
def test_options_that_make_no_sense(message: str, options: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=message):
        Options(**options)  # type: ignore[arg-type]


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    held, now = encoded(before), encoded(after)
    found = gates.changes(GivenFiles(now), Base.given(held, now), ["ci/*"], ["governance", "scan_"])
    return [each.text for each in found]


def encoded(files: dict[str, str]) -> dict[str, bytes]:
    return {path: text.encode() for path, text in files.items()}
