"""Operators: what comes of joining, adding, formatting and choosing values."""

from __future__ import annotations

from typing import Final

from governance.contract import Ref
from governance.facts import Node
from governance.index import special, texts
from governance.index.solver import Answer, Solver, add
from governance.index.values import NONE

_METHODS: Final = {
    "|": "or", "+": "add", ">>": "rshift", "<<": "lshift", "/": "truediv", "//": "floordiv", "&": "and", "-": "sub",
    "*": "mul", "@": "matmul", "%": "mod", "^": "xor",
}  # fmt: skip
"""The special methods of operators, without their underscores."""


def rule_or(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """The operands of `or`: all but the last only where they are not None."""
    for position, each in enumerate(node[1]):
        for value, evidence in solver.get(("n", ref[0], each)).items():
            if value != NONE or position == len(node[1]) - 1:
                add(out, value, evidence.grade, "", ("n", ref[0], each), value)


def rule_binary(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """Concatenated containers and constant strings."""
    left, right = solver.get(("n", ref[0], node[2])), solver.get(("n", ref[0], node[3]))
    if node[1] == "*":
        for side, values in ((node[2], left), (node[3], right)):
            for value, evidence in values.items():
                if value[:2] == ("cont", "seq"):
                    add(out, value, evidence.grade, "repeated", ("n", ref[0], side), value)
    if node[1] in ("+", "|") and any(value[0] == "cont" for value in left):
        if node[1] == "|":
            solver.copy(("n", ref[0], node[2]), out, "")
            solver.copy(("n", ref[0], node[3]), out, "")
        else:
            add(out, ("cont", "seq", (("elem", *ref),)), note="concatenation")
        return
    if node[1] == "+":
        for one in left:
            for other in right:
                if one[:2] == ("const", "str") and other[:2] == ("const", "str") and len(one[2] + other[2]) < 200:
                    add(out, ("const", "str", one[2] + other[2]), note="concatenation")
    if node[1] == "%":
        for one in left:
            for text in texts.formatted(one, right, solver):
                add(out, ("const", "str", text), note="formatted")
    name = _METHODS.get(node[1], "")
    for prefix, values in (("__", left), ("__r", right)) if name else ():
        for one, evidence in values.items():
            if one[0] in ("inst", "self"):
                special.result(solver, one, f"{prefix}{name}__", evidence.grade, "operator", out)


def rule_unary(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """A negative number; all else gives a number."""
    for value in solver.get(("n", ref[0], node[2])):
        if node[1] == "-" and value[:2] == ("const", "int") and value[2] is not None:
            add(out, ("const", "int", -value[2]), note="constant")
    add(out, ("xinst", "builtins.int", ()), note="expression")


def rule_fstring(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """An f-string of constants only is a constant."""
    made = [""]
    for part in node[1]:
        words = texts.words(solver.get(("n", ref[0], part)))
        if len(made) * len(words) > texts.MANY:
            made = []
        made = [text + word for text in made for word in words if len(text + word) <= texts.LONGEST]
    for text in made:
        add(out, ("const", "str", text), note="f-string")
    add(out, ("xinst", "builtins.str", ()), note="f-string")


def rule_augmented(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    """What `x += y` leaves in x."""
    if node[2] < 0:
        return
    old, added = solver.get(("n", ref[0], node[2])), solver.get(("n", ref[0], node[3]))
    for value, evidence in old.items():
        if value[:2] != ("const", "str") or not node[1].startswith("+"):
            add(out, value, evidence.grade, "", ("n", ref[0], node[2]), value)
        else:
            add(out, ("xinst", "builtins.str", ()), evidence.grade, "concatenation")
            for word in texts.words(added):
                if len(value[2] + word) <= texts.LONGEST:
                    add(out, ("const", "str", value[2] + word), evidence.grade, "concatenation")
