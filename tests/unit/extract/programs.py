"""Random programs whose every definition and every load can be recognised at run time.

`D(7)` makes a value with tag 7, `U(12, x)` notes which tag load number 12 saw, `C()` and `E(3)` (raise or not) ask an
oracle. So a run tells, for every load, which definition really reached it, and the facts must know that definition.
"""

from __future__ import annotations

import builtins
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from governance.facts import ModuleFacts

NAMES = ("a", "b", "c")
LINES = 24
"""A program of this length only gets simple statements on top."""
BUILTIN_TAG = 0
"""The tag of what a name means before the program binds it: a parameter, or a builtin for module and class code."""


class Tagged:
    """A value that knows its definition. Its truth is that of its tag modulo 3."""

    def __init__(self, tag: int) -> None:
        self.tag = tag

    def __bool__(self) -> bool:
        return self.tag % 3 != 0

    def __add__(self, other: Tagged) -> Tagged:
        return other


class Even(Tagged):
    """A value with an even tag: what `isinstance` tests ask for."""


class Signal(Exception):
    """The exception of the programs."""


class OtherSignal(Exception):
    """Another one."""


class Stop(BaseException):
    """Ends a run that goes on for too long; nothing in a program catches it."""


def tagged(tag: int) -> Tagged:
    return Even(tag) if tag % 2 == 0 else Tagged(tag)


@dataclass
class Run:
    """One execution: what each load saw, decided by `choices`."""

    choices: random.Random
    seen: list[tuple[int, Any]] = field(default_factory=list)
    budget: int = 300

    def spend(self) -> None:
        self.budget -= 1
        if self.budget < 0:
            raise Stop

    def note(self, load: int, value: Any) -> Any:
        self.seen.append((load, value))
        return value

    def choose(self) -> bool:
        self.spend()
        return self.choices.random() < 0.5

    def maybe_raise(self) -> None:
        self.spend()
        found = self.choices.random()
        if found < 0.2:
            raise Signal
        if found < 0.3:
            raise OtherSignal

    def several(self, tag: int) -> Iterator[Tagged]:
        for _ in range(self.choices.randrange(3)):
            yield tagged(tag)

    def execute(self, source: str) -> None:
        """Run the program; however it ends, `seen` holds what happened."""

        class Manager:
            def __init__(self, tag: int, ends: bool) -> None:
                self.tag, self.ends = tag, ends

            def __enter__(self) -> Tagged:
                return tagged(self.tag)

            def __exit__(self, *problem: object) -> bool:
                return self.ends and not isinstance(problem[1], Stop)

        outside = vars(builtins) | {name: tagged(BUILTIN_TAG) for name in NAMES}
        known: dict[str, Any] = {
            "__builtins__": outside,
            "__name__": "program",
            "D": tagged, "U": self.note, "C": self.choose, "E": self.maybe_raise, "R": self.several,
            "M": lambda tag: Manager(tag, False), "suppress": lambda tag: Manager(tag, True),
            "O": type("O", (), {"p": tagged(BUILTIN_TAG)}),
            "Tagged": Tagged, "Even": Even, "Signal": Signal, "OtherSignal": OtherSignal,
        }  # fmt: skip
        try:
            exec(compile(source, "<program>", "exec"), known)
        except (Exception, Stop):  # noqa: BLE001  # a program may end in any way
            return


class Writer:
    """Writes one program."""

    def __init__(self, choices: random.Random, kind: str) -> None:
        self.choices = choices
        self.kind = kind
        self.count = 0
        self.lines: list[str] = []

    def fresh(self) -> int:
        self.count += 1
        return self.count

    def name(self) -> str:
        return self.choices.choice(NAMES)

    def write(self) -> str:
        head = {"module": "if True:", "function": "def f(a, b, c=D(0)):", "class": "class K:"}[self.kind]
        self.lines = [head, "    o = O()"]
        self.block(1, 0, in_loop=False)
        self.block(1, 0, in_loop=False)
        return "\n".join([*self.lines, *(["f(D(0), D(0))"] if self.kind == "function" else []), ""])

    def line(self, depth: int, text: str) -> None:
        self.lines.append("    " * depth + text)

    def block(self, depth: int, nesting: int, in_loop: bool) -> None:
        for _ in range(self.choices.randint(1, 3)):
            compound = nesting < 4 and len(self.lines) < LINES and self.choices.random() < 0.5
            (self.compound if compound else self.simple)(depth, nesting, in_loop)

    # expressions ----------------------------------------------------------------------------------------------------

    def value(self) -> str:
        """An expression, possibly with a binding inside."""
        return self.choices.choice((
            lambda: f"D({self.fresh()})",
            lambda: f"D({self.fresh()})",
            lambda: f"U({self.fresh()}, {self.name()})",
            lambda: f"({self.name()} := D({self.fresh()}))",
            lambda: f"(D({self.fresh()}) if {self.test()} else U({self.fresh()}, {self.name()}))",
        ))()  # fmt: skip

    def test(self) -> str:
        """A condition; many are about a name, so that loads behind it are narrowed."""
        name = self.name()
        return self.choices.choice((
            lambda: "C()",
            lambda: f"isinstance({name}, Even)",
            lambda: f"not isinstance({name}, Even)",
            lambda: f"{name}",
            lambda: f"not {name}",
            lambda: f"{name} is None",
            lambda: "isinstance(o.p, Even)",
            lambda: "not o.p",
            lambda: f"isinstance(({name} := D({self.fresh()})), Even)",
            lambda: f"(C() and {self.test()})",
            lambda: f"({self.test()} or {self.test()})",
            lambda: f"({self.test()} and U({self.fresh()}, {name}))",
            lambda: f"(C() or isinstance({name}, Even) and U({self.fresh()}, {name}))",
        ))()  # fmt: skip

    def simple(self, depth: int, nesting: int, in_loop: bool) -> None:
        name, other = self.name(), self.name()
        choices: list[Callable[[], str]] = [
            lambda: f"{name} = {self.value()}",
            lambda: f"{name} = {self.value()}",
            lambda: f"U({self.fresh()}, {name})",
            lambda: f"U({self.fresh()}, {name})",
            lambda: f"U({self.fresh()}, {name})",
            lambda: f"{name} = {other}",
            lambda: f"{name} += D({self.fresh()})",
            lambda: f"{name}, {other} = D({self.fresh()}), D({self.fresh()})",
            lambda: f"[{name}, *{other}] = R({self.fresh()})",
            lambda: f"{name}: Tagged = {self.value()}",
            lambda: f"del {name}",
            lambda: "E()",
            lambda: "E()",
            lambda: f"assert {self.test()}",
            lambda: f"o.p = D({self.fresh()})",
            lambda: f"U({self.fresh()}, o.p)",
            lambda: f"U({self.fresh()}, o.p)",
            lambda: "o = O()",
            lambda: f"[U({self.fresh()}, {name}) for {name} in R({self.fresh()}) if isinstance({name}, Even)]",
        ]
        if self.kind != "class":
            choices.append(
                lambda: f"[({name} := D({self.fresh()})) for _ in R({self.fresh()}) if U({self.fresh()}, {name})]"
            )
        if in_loop:
            choices += [lambda: "break", lambda: "continue"]
        if self.kind == "function":
            choices.append(lambda: "return")
        choices.append(lambda: "raise Signal")
        self.line(depth, self.choices.choice(choices)())

    def compound(self, depth: int, nesting: int, in_loop: bool) -> None:
        kind = self.choices.choice(("if", "if", "while", "for", "try", "try", "finally", "with", "match"))
        getattr(self, f"write_{kind}")(depth, nesting + 1, in_loop)

    def write_if(self, depth: int, nesting: int, in_loop: bool) -> None:
        self.line(depth, f"if {self.test()}:")
        self.block(depth + 1, nesting, in_loop)
        if self.choices.random() < 0.3:
            self.line(depth, f"elif {self.test()}:")
            self.block(depth + 1, nesting, in_loop)
        if self.choices.random() < 0.5:
            self.line(depth, "else:")
            self.block(depth + 1, nesting, in_loop)

    def write_while(self, depth: int, nesting: int, in_loop: bool) -> None:
        endless = self.choices.random() < 0.2
        self.line(depth, "while True:" if endless else f"while C() and {self.test()}:")
        self.line(depth + 1, "C()")
        self.block(depth + 1, nesting, True)
        self.otherwise(depth, nesting, in_loop)

    def write_for(self, depth: int, nesting: int, in_loop: bool) -> None:
        self.line(depth, f"for {self.name()} in R({self.fresh()}):")
        self.block(depth + 1, nesting, True)
        self.otherwise(depth, nesting, in_loop)

    def otherwise(self, depth: int, nesting: int, in_loop: bool) -> None:
        if self.choices.random() < 0.3:
            self.line(depth, "else:")
            self.block(depth + 1, nesting, in_loop)

    def write_try(self, depth: int, nesting: int, in_loop: bool) -> None:
        self.line(depth, "try:")
        self.block(depth + 1, nesting, in_loop)
        clauses = self.choices.choice(
            (["Signal"], ["OtherSignal", "Signal"], ["Exception"], [f"Signal as {self.name()}"])
        )
        for clause in clauses:
            self.line(depth, f"except {clause}:")
            self.block(depth + 1, nesting, in_loop)
        self.otherwise(depth, nesting, in_loop)
        if self.choices.random() < 0.3:
            self.line(depth, "finally:")
            self.block(depth + 1, nesting, in_loop)

    def write_finally(self, depth: int, nesting: int, in_loop: bool) -> None:
        self.line(depth, "try:")
        self.block(depth + 1, nesting, in_loop)
        self.line(depth, "finally:")
        self.block(depth + 1, nesting, in_loop)

    def write_with(self, depth: int, nesting: int, in_loop: bool) -> None:
        manager = self.choices.choice(("M", "suppress"))
        self.line(depth, f"with {manager}({self.fresh()}) as {self.name()}, M({self.fresh()}):")
        self.block(depth + 1, nesting, in_loop)

    def write_match(self, depth: int, nesting: int, in_loop: bool) -> None:
        subject = self.choices.choice((self.name(), f"D({self.fresh()})", f"(({self.name()} := D({self.fresh()})))"))
        self.line(depth, f"match {subject}:")
        name = self.name()
        for pattern in self.choices.sample(
            ("Even()", f"Even() as {name}", f"Even(tag=4) as {name}", "Tagged(tag=3) | Even()",
             f"Even() if {self.test()}", f"{name} if {self.test()}", "None"), k=2,
        ):  # fmt: skip
            self.line(depth + 1, f"case {pattern}:")
            self.block(depth + 2, nesting, in_loop)
        if self.choices.random() < 0.5:
            self.line(depth + 1, f"case {self.choices.choice(('_', name))}:")
            self.block(depth + 2, nesting, in_loop)


def program(seed: int, kind: str) -> str:
    """The source of program number `seed`; kind: module, function, class."""
    return Writer(random.Random(seed), kind).write()


def wrong_load(facts: ModuleFacts, run: Run) -> tuple[int, Any] | None:
    """A load of the run that saw a value the facts deny, None if there is none."""
    loads = {}
    for node in facts.nodes:
        if node[0] == "call" and facts.nodes[node[1]][:2] == ["free", "U"]:
            loads[facts.nodes[node[2][0]][2]] = node[2][1]
    for load, value in run.seen:
        if not _admits(facts, loads[load], value, frozenset()):
            return load, value
    return None


def _admits(  # noqa: C901  # one case per op
    facts: ModuleFacts, number: int, value: Any, seen: frozenset[int]
) -> bool:
    """Whether the node may have this value, as far as the facts tell."""
    if number == -1 or number in seen:
        return False
    nodes = facts.nodes
    node = nodes[number]
    within = seen | {number}
    match node:
        case ["local", _, definition]:
            return _admits(facts, definition, value, within)
        case ["phi", operands]:
            return any(_admits(facts, operand, value, within) for operand in operands)
        case ["narrow", definition, test, positive]:
            return _passes(facts, test, value, positive) and _admits(facts, definition, value, within)
        case ["param", _, _]:
            return isinstance(value, Tagged) and value.tag == BUILTIN_TAG
        case ["free", name, _]:
            return name in NAMES and isinstance(value, Tagged) and value.tag == BUILTIN_TAG
        case ["call", function, arguments, _]:
            called = nodes[function][1]
            tag = nodes[arguments[0]][2] if arguments else None
            if called == "U":
                return _admits(facts, arguments[1], value, within)
            return called in ("D", "R", "M", "suppress") and isinstance(value, Tagged) and value.tag == tag
        case ["item", source, _] | ["enter", source, _]:
            return _admits(facts, source, value, within)
        case ["unpack", source, index, star]:
            if nodes[source][0] == "tuple":
                return _admits(facts, nodes[source][1][index], value, within)
            if star:
                return isinstance(value, list) and all(_admits(facts, source, item, within) for item in value)
            return _admits(facts, source, value, within)
        case ["augmented", _, _, operand]:
            return _admits(facts, operand, value, within)
        case ["annotated", _, inner]:
            return _admits(facts, inner, value, within)
        case ["ifexp", _, first, second]:
            return _admits(facts, first, value, within) or _admits(facts, second, value, within)
        case ["exception", _]:
            return isinstance(value, Exception)
        case ["attr", _, "p"]:
            return True
    raise AssertionError(f"no program should define a name by {node}")


def _passes(facts: ModuleFacts, test: int, value: Any, positive: bool) -> bool:
    """Whether a value that went this way out of the test can be this one."""
    match facts.nodes[test]:
        case ["call", function, _, _] if facts.nodes[function][1] == "isinstance":
            return isinstance(value, Even) == positive
        case ["call", _, _, _]:
            return True
        case ["compare", ["is"], _]:
            return (value is None) == positive
        case ["matches", _, ["class", _, _, []]] | ["matches", _, ["capture", ["class", _, _, []]]]:
            return isinstance(value, Even) == positive
        case ["matches", _, ["value", _]]:
            return (value is None) == positive
        case ["matches", _, ["capture", None]]:
            return positive
        case ["matches", _, _]:
            return isinstance(value, Tagged) or not positive
        case ["local" | "free" | "attr" | "narrow", *_]:
            return bool(value) == positive
    raise AssertionError(f"no program should test by {facts.nodes[test]}")
