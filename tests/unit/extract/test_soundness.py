"""Random programs are run, and every value that a load sees must come from a definition that the facts allow.

Also the other direction, weakly: the facts must not allow everything, or the test would prove nothing.
"""

from __future__ import annotations

import random

import pytest

from governance.extract import extract
from tests.unit.extract.programs import Run, program, wrong_load
from tests.unit.extract.rendering import values

KINDS = ("function", "module", "class")
RUNS = 10


def check(seed: int, kind: str) -> int:
    """Run program `seed` a few times; answers how many loads were compared."""
    source = program(seed, kind)
    facts = extract(source.encode())
    compared = 0
    for choice in range(RUNS):
        run = Run(random.Random(choice))
        run.execute(source)
        wrong = wrong_load(facts, run)
        assert wrong is None, f"U({wrong[0]}, …) saw tag {getattr(wrong[1], 'tag', wrong[1])}:\n{source}"
        compared += len(run.seen)
    return compared


@pytest.mark.parametrize("kind", KINDS)
def test_reaching_definitions(kind: str) -> None:
    assert sum(check(seed, kind) for seed in range(60)) > 500


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("start", range(60, 6_060, 1_000))
def test_reaching_definitions_of_many_programs(kind: str, start: int) -> None:
    assert sum(check(seed, kind) for seed in range(start, start + 1_000)) > 10_000


UNSOUND_ONCE = {
    "continue inside finally keeps what finally stored": (
        """
        def f():
            for i in y:
                x = 1
                try: break
                finally:
                    if c:
                        x = 2
                        continue
            use(x)
        """,
        ["phi(2, 1)"],
    ),
    "unbound after a handler in a loop": (
        """
        if a:
            for i in y:
                try: f()
                except E as x: raise
        use(x)
        """,
        ["x"],
    ),
    "unbound on both sides of a branch": (
        """
        match b:
            case _ if c:
                while d: del x
        use(x)
        """,
        ["x"],
    ),
}


@pytest.mark.parametrize(("source", "expected"), UNSOUND_ONCE.values(), ids=UNSOUND_ONCE)
def test_what_random_programs_found(source: str, expected: list[str]) -> None:
    assert values(source) == expected


def test_a_wrong_answer_is_noticed() -> None:
    source = "if True:\n    a = D(1)\n    a = D(2)\n    U(3, a)\n"
    facts = extract(source.encode())
    run = Run(random.Random(0))
    run.execute(source)
    assert [(load, value.tag) for load, value in run.seen] == [(3, 2)]
    assert wrong_load(facts, run) is None
    local = next(node for node in facts.nodes if node[0] == "local")
    local[2] = next(number for number, node in enumerate(facts.nodes) if node[0] == "call")
    assert wrong_load(facts, run) is not None
