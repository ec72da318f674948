"""What the must-call contract answers besides findings: options, anchors, bindings, chains, subjects."""

from __future__ import annotations

import pytest

from governance import options
from governance.contracts import must_call
from governance.contracts.must_call import Options
from governance.paths import engine, runs
from tests.unit.paths.asking import checks, report

KEPT = "def owner():\n    try:\n        plugin.run()\n    finally:\n        registry.update()\n"
BROKEN = "def owner():\n    plugin.run()\n    print(1)\n    registry.update()\n"


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        ({"mode": "after"}, 'mode = "after" needs trigger'),
        ({"mode": "before"}, 'mode = "before" needs trigger'),
        ({"mode": "around", "trigger": []}, 'mode = "around" needs trigger'),
        ({"function": []}, "function names nothing"),
        ({"call": []}, "call names nothing"),
        ({"mode": "sometimes"}, "must be one of"),
        ({"onse": True}, 'did you mean "once"?'),
        ({"call": "a:b"}, 'write ["a:b"]'),
    ],
)
def test_options_that_cannot_be_meant(table: dict[str, object], complaint: str) -> None:
    complaints: list[str] = []
    whole = {"function": ["a:f"], "call": ["a:g"]} | table
    assert options.build(Options, whole, lambda key, text: complaints.append(f"{key}: {text}")) is None
    assert complaint in "\n".join(complaints)


@pytest.mark.parametrize(
    ("option", "symbol", "suggestion"),
    [
        ("function", "case:ownr", "case:owner"),
        ("function", "case:Plugin", ""),
        ("call", "case:Registry.updat", "case:Registry.update"),
        ("trigger", "lib.Client.send", ""),
    ],
)
def test_anchors_that_name_nothing(option: str, symbol: str, suggestion: str) -> None:
    found = report(KEPT, "after", **{option: (symbol,)})
    assert [(each.option, each.symbol) for each in found.broken] == [(option, symbol)]
    assert found.broken[0].suggestion == suggestion or not suggestion
    assert not found.violations
    assert found.sites == 0


@pytest.mark.requirement("R-063", "R-064")
@pytest.mark.parametrize("source", [KEPT, BROKEN], ids=["kept", "broken"])
def test_bindings_are_what_was_examined(source: str) -> None:
    found = report(source)
    assert [(each.role, each.text) for each in found.bindings] == [
        ("function", "case:owner"),
        ("trigger", "plugin.run()"),
        ("call", "registry.update()"),
    ]
    assert found.sites == 1


def test_a_function_that_never_triggers_is_no_site() -> None:
    assert report("def owner():\n    registry.update()\n").sites == 0


def test_without_a_trigger_the_function_is_the_site() -> None:
    found = report("def owner():\n    registry.update()\n", mode="every-exit", trigger=())
    assert (found.sites, found.violations) == (1, [])


def test_the_chain_tells_the_path() -> None:
    (violation,) = report(BROKEN).violations
    assert [step.text for step in violation.chain] == ["plugin.run() is entered", "plugin.run()"]
    assert violation.subject == "Registry.update plugin.run()"


def test_subjects_do_not_change_when_lines_are_added() -> None:
    subjects = [
        [each.subject for each in report(source).violations]
        for source in (BROKEN, BROKEN.replace("    print(1)\n", "    print(1)\n    print(2)\n\n"))
    ]
    assert subjects[0] == subjects[1] != []


def test_what_cannot_be_followed_within_the_budget_is_unproven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUDGET", 3)
    assert checks(KEPT) == {"unproven"}


def test_a_coarse_second_try_may_still_prove(monkeypatch: pytest.MonkeyPatch) -> None:
    flags = "".join(f"    if a{n} == {n}:\n        print(a{n})\n" for n in range(8))
    names = ", ".join(f"a{n}" for n in range(8))
    source = f"def owner({names}):\n{flags}" + KEPT.partition("\n")[2]
    steps = 150
    monkeypatch.setattr(engine, "BUDGET", steps)
    assert checks(source) == set()


def test_a_shallow_second_try_does_not_follow_what_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    levels = 12
    helpers = "".join(
        f"def level{n}(a, b):\n    if a:\n        print(a)\n    if b:\n        level{n + 1}(b, a)\n"
        for n in range(levels)
    )
    source = f"{helpers}def level{levels}(a, b):\n    registry.update()\n{KEPT}        level0(plugin, registry)\n"
    monkeypatch.setattr(engine, "BUDGET", 50)
    assert checks(source) == set()
    monkeypatch.setattr(must_call, "SHALLOW", runs.NESTING)
    assert checks(source) == {"unproven"}


def test_a_helper_that_is_decorated_runs_with_its_decorator() -> None:
    source = """\
def quietly(function):
    def inner(*args):
        try:
            return function(*args)
        except Exception:
            return None
    return inner
@quietly
def settle():
    registry.update()
@quietly
def weigh():
    raise ValueError
def owner():
    try:
        plugin.run()
    finally:
        weigh()
        settle()
"""
    assert checks(source) == set()
    assert checks(source.replace("except Exception", "except KeyError")) == {"may-raise-before"}


def test_overrides_of_the_function_come_along_when_asked() -> None:
    source = """\
class Runner:
    def go(self):
        try:
            plugin.run()
        finally:
            registry.update()
class Fast(Runner):
    def go(self):
        plugin.run()
"""
    assert checks(source, function=("case:Runner.go",)) == set()
    assert checks(source, function=("+case:Runner.go",)) == {"missing"}


UNKNOWN = """
def owner(thing, flags):
    try:
        plugin.run()
        for flag in flags:
            helper(flag)
    finally:
        thing.update()


def helper(flag):
    if flag:
        raise ValueError(flag)
"""


@pytest.mark.requirement("R-063")
def test_a_proof_that_rests_on_a_guess_and_is_too_long_without_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    spent: dict[int, int] = {}

    class Counting(engine.Engine):
        def spend(self, amount: int) -> None:
            spent[id(self)] = spent.get(id(self), 0) + amount
            # The first engine trusts what it does not know, the one after it does not, and gets nowhere.
            if len(spent) > 1:
                raise runs.TooComplex
            super().spend(amount)

    monkeypatch.setattr(must_call, "Engine", Counting)
    found = report(UNKNOWN, "after")
    assert [(each.check, each.grade.name) for each in found.violations] == [("unproven", "UNRESOLVED")]
    assert len(spent) > 1


def deep(levels: int, last: str) -> str:
    calls = "".join(f"def f{n}():\n    f{n + 1}()\n" for n in range(levels))
    return f"""
def owner():
    try:
        plugin.run()
    finally:
        f0()


{calls}
def f{levels}():
    {last}
"""


@pytest.mark.parametrize(
    ("levels", "last", "expected"),
    [
        (20, "registry.update()", []),
        (40, "registry.update()", [("missing", "POSSIBLE")]),
        (20, "pass", [("missing", "DEFINITE")]),
        (40, "pass", [("missing", "DEFINITE")]),
        (40, "plugin.stop()", [("missing", "DEFINITE")]),
    ],
)
def test_what_lies_too_deep_is_neither_taken_for_done_nor_for_left_out(
    levels: int, last: str, expected: list[tuple[str, str]]
) -> None:
    found = [(each.check, each.grade.name) for each in report(deep(levels, last), "after").violations]
    assert found == expected


def test_a_trigger_that_lies_too_deep_is_told() -> None:
    source = deep(40, "plugin.run()").replace(
        "    try:\n        plugin.run()\n    finally:\n        f0()\n", "    f0()\n"
    )
    found = report(source, "after").violations
    assert [(each.check, each.grade.name) for each in found] == [("unproven", "UNRESOLVED")]
