"""Asking the must-call contract about one module: what came out, as (line, check, grade) triples."""

from __future__ import annotations

from collections.abc import Iterable

from governance.contract import Report
from governance.contracts.must_call import Options, check
from governance.extract import extract, locate
from governance.index import Index, Module

PRELUDE = """\
class Plugin:
    def run(self, payload=None): ...


class Registry:
    def update(self, *args): ...


plugin, registry = Plugin(), Registry()
"""


def report(source: str, mode: str = "after", **options: object) -> Report:
    """The report about `owner`, in a module that starts with the prelude."""
    given: dict[str, object] = {
        "function": ("case:owner",),
        "call": ("case:Registry.update",),
        "trigger": ("case:Plugin.run",),
        "mode": mode,
    }
    return check(index_of(PRELUDE + source), Options(**(given | options)))  # type: ignore[arg-type]


def index_of(source: str, name: str = "case") -> Index:
    """An index of one module."""
    return Index([Module(name, f"{name}.py", extract(source.encode()))])


def asked(source: str, mode: str = "after", **options: object) -> list[tuple[int, str, str]]:
    """What is reported, by line of the given source."""
    found = report(source, mode, **options)
    assert found.broken == []
    text = (PRELUDE + source).encode()
    nodes = [each.ref[1] for each in found.violations if each.ref is not None]
    places = locate(text, nodes)
    lines = PRELUDE.count("\n")
    return sorted(
        (places[each.ref[1]].line - lines, each.check, each.grade.label)
        for each in found.violations
        if each.ref is not None
    )


def checks(source: str, mode: str = "after", **options: object) -> set[str]:
    """The checks that report something certain enough to fail."""
    return {check for _, check, grade in asked(source, mode, **options) if grade in ("definite", "probable")}


def lines(texts: Iterable[str], depth: int = 1) -> str:
    """Statements as a block."""
    return "".join("    " * depth + text + "\n" for text in texts)
