"""Texts: strings that are put together from constants, as far as that can be told without running anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from governance.contract import Ref
from governance.facts import Node
from governance.index.solver import Answer, Solver, add
from governance.index.values import Key, Value

LONGEST: Final = 200
_PLAIN: Final = frozenset("lower upper strip lstrip rstrip capitalize title casefold swapcase".split())
GIVING: Final = _PLAIN | frozenset(
    "replace removeprefix removesuffix format format_map join center ljust rjust zfill expandtabs translate".split()
)
"""Methods of a string that give a string."""
_APART: Final = frozenset(("split", "rsplit", "partition", "rpartition"))
MANY: Final = 64


def words(values: Mapping[Value, Any]) -> list[str]:
    """The constant strings among values."""
    return [value[2] for value in values if value[:2] == ("const", "str")]


def formatted(value: Value, right: Mapping[Value, Any], solver: Solver) -> Iterator[str]:
    """`"%s_run" % x` for constants."""
    if value[:2] != ("const", "str") or value[2].count("%") != 1:
        return
    found = words(right)
    for each in right:
        if each[0] == "cont" and each[1] == "tuple" and len(each[2]) == 1:
            found += words(solver.get(each[2][0]))
    for word in found[:MANY]:
        text = value[2].replace("%s", word, 1).replace("%r", repr(word), 1)
        if "%" not in text and len(text) <= LONGEST:
            yield text


def method(solver: Solver, ref: Ref, node: Node, value: Value, grade: int, out: Answer) -> None:
    """Calling a method of a constant string."""
    _, text, name = value
    if name in _PLAIN and not node[2]:
        add(out, ("const", "str", getattr(text, name)()), grade, name)
    elif name == "format":
        _format(solver, ref, node, text, grade, out)
    elif name == "join" and node[2]:
        _join(solver, ("n", ref[0], node[2][0]), text, grade, out)
    elif name in ("replace", "removeprefix", "removesuffix"):
        arguments = [words(solver.get(("n", ref[0], each))) for each in node[2]]
        if all(len(each) == 1 for each in arguments) and len(arguments) == (2 if name == "replace" else 1):
            add(out, ("const", "str", getattr(text, name)(*(each[0] for each in arguments))), grade, name)
    if not any(each[0] == "const" for each in out):
        add(out, ("xinst", "builtins.str", ()), grade, name)


def _format(solver: Solver, ref: Ref, node: Node, text: str, grade: int, out: Answer) -> None:
    positional = [words(solver.get(("n", ref[0], each))) for each in node[2]]
    named = {key: words(solver.get(("n", ref[0], each))) for key, each in node[3] if key}
    if all(len(each) == 1 for each in (*positional, *named.values())):
        try:
            made = text.format(*(each[0] for each in positional), **{key: each[0] for key, each in named.items()})
        except (IndexError, KeyError, ValueError, AttributeError, TypeError):
            return
        if len(made) <= LONGEST:
            add(out, ("const", "str", made), grade, "format")


def _join(solver: Solver, source: Key, text: str, grade: int, out: Answer) -> None:
    """`".".join(("a", "b"))`, the pieces written in place or kept in a tuple that has a name."""
    _, module, number = source
    display = solver.project.node((module, number))
    if display[0] in ("list", "tuple"):
        keys: list[Key] = [("n", module, each) for each in display[1]]
    else:
        held = list(solver.get(source))
        keys = list(held[0][2]) if len(held) == 1 and held[0][:2] == ("cont", "tuple") else []
    found = [words(solver.get(key)) for key in keys]
    if found and all(len(each) == 1 for each in found):
        made = text.join(each[0] for each in found)
        if len(made) <= LONGEST:
            add(out, ("const", "str", made), grade, "join")


def piece(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """`name.split(".")[0]`, `name.rpartition(".")[0]`: an item of a constant that is taken apart."""
    made = solver.project.node((ref[0], node[1]))
    callee = solver.project.node((ref[0], made[1])) if made[0] == "call" and not made[3] else ["?"]
    index = _index(solver, ref[0], node[2])
    if callee[0] != "attr" or callee[2] not in _APART or index is None:
        return
    arguments = [words(solver.get(("n", ref[0], each))) for each in made[2][:1]]
    for text in words(solver.get(("n", ref[0], callee[1])))[:MANY]:
        for argument in arguments[0] if arguments else [None]:
            try:
                part = getattr(text, callee[2])(argument)[index]
            except (IndexError, ValueError, TypeError):
                continue
            add(out, ("const", "str", part), note="part")


def _index(solver: Solver, module: str, number: int) -> int | None:
    """A written index."""
    node = solver.project.node((module, number))
    if node[:2] == ["unary", "-"]:
        inner = solver.project.node((module, node[2]))
        return -inner[2] if inner[:2] == ["const", "int"] else None
    return node[2] if node[:2] == ["const", "int"] else None


def of_module(solver: Solver, module: str, name: str, out: Answer) -> None:
    """`__name__` and `__package__` where nothing else is bound to them."""
    if name == "__name__":
        add(out, ("const", "str", module), note="module name")
    elif name == "__package__":
        package = module if solver.project.modules[module].is_package else module.rpartition(".")[0]
        add(out, ("const", "str", package), note="module name")
