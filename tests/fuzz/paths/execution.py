"""Exhaustive execution: a program is run under every combination of faults, and what it owed at each exit is kept."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

ORDINARY = (ValueError, KeyError, RuntimeError)
CHOICES = 11
RUNS = 4000


class _Stop(BaseException):
    """A loop has gone on for long enough: this run says nothing."""


@dataclass
class Chooser:
    """Takes every choice from a script, and 0 once the script has ended."""

    script: list[int]
    taken: list[tuple[int, int]] = field(default_factory=list)

    def choose(self, count: int) -> int:
        """A number below count."""
        position = len(self.taken)
        if position > 200:
            raise _Stop
        number = self.script[position] if position < len(self.script) else 0
        self.taken.append((number, count))
        return number


@dataclass
class World:
    """What the program calls. owed: whether it ran without having been accounted for since."""

    chooser: Chooser
    harsh: bool
    owed: bool = False

    def run(self) -> None:
        self.owed = True
        self._fault(2 + len(ORDINARY), KeyboardInterrupt)

    def update(self) -> None:
        self.owed = False
        self._fault(1 + len(ORDINARY), None)

    def may(self) -> None:
        self._fault(1 + len(ORDINARY) + self.harsh, KeyboardInterrupt if self.harsh else None)

    def cond(self) -> bool:
        return bool(self.chooser.choose(2))

    def items(self) -> Iterator[int]:
        return iter(range(self.chooser.choose(3)))

    def _fault(self, count: int, harsh: type[BaseException] | None) -> None:
        number = self.chooser.choose(count)
        if number == 0:
            return
        kinds: list[type[BaseException]] = [*ORDINARY]
        if harsh is not None:
            kinds = [kinds[0], harsh, *kinds[1:]]
        raise kinds[number - 1]


def leaves_owing(source: str, harsh: bool) -> tuple[bool, bool]:
    """Whether some combination of faults makes `owner` leave while it owes; and whether all combinations were tried.

    harsh: calls of which nothing is known may also raise what is no Exception.
    """
    code = compile(source, "program", "exec")
    script: list[int] = []
    complete = True
    for _ in range(RUNS):
        chooser = Chooser(script)
        world = World(chooser, harsh)
        if _leaves(code, world):
            return True, True
        complete = complete and len(chooser.taken) <= CHOICES
        following = _next(chooser.taken)
        if following is None:
            return False, complete
        script = following
    return False, False


def _leaves(code: types.CodeType, world: World) -> bool:
    namespace: dict[str, Any] = {"__name__": "program"}
    outside = types.ModuleType("outside")
    outside.__dict__.update(may=world.may, cond=world.cond, items=world.items)
    sys.modules["outside"] = outside
    try:
        exec(code, namespace)
    finally:
        del sys.modules["outside"]
    namespace.update(run=world.run, update=world.update)
    # A dropped generator that yields once more is reported aside; the run itself goes on.
    reporting, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        return _ends_owing(namespace, world)
    finally:
        sys.unraisablehook = reporting


def _ends_owing(namespace: dict[str, Any], world: World) -> bool:
    try:
        result = namespace["owner"]()
        if isinstance(result, types.GeneratorType):
            _consume(result, world.chooser)
    except _Stop:
        return False
    except BaseException:  # noqa: BLE001  # every way out counts, interrupts included
        return world.owed
    return world.owed


def _consume(generator: types.GeneratorType[Any, Any, Any], chooser: Chooser) -> None:
    """Take what the generator yields, and drop it at some point."""
    for _ in generator:
        if chooser.choose(2):
            generator.close()
            return


def _next(taken: list[tuple[int, int]]) -> list[int] | None:
    """The script after this one, choices beyond `CHOICES` fixed; None after the last."""
    limited = taken[:CHOICES]
    for position in range(len(limited) - 1, -1, -1):
        number, count = limited[position]
        if number + 1 < count:
            return [choice for choice, _ in limited[:position]] + [number + 1]
    return None
