"""Programs drawn from Python's grammar and from the nodes of libcst: each is read, and read whole.

Nobody writes such programs, which is the point: odd space, odd names, every expression inside every other.
"""

from __future__ import annotations

import hypothesmith
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.extract.test_completeness import compare

anyhow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def check(source: str) -> None:
    assert compare(source.encode("utf-8", "surrogatepass"), source, steps=False)


@settings(anyhow, max_examples=20)
@given(hypothesmith.from_grammar())
def test_some_programs_of_the_grammar(source: str) -> None:
    check(source)


@pytest.mark.slow
@pytest.mark.parametrize("programs", [hypothesmith.from_grammar(), hypothesmith.from_node()], ids=["grammar", "nodes"])
@settings(anyhow, max_examples=300)
@given(st.data())
def test_many_programs(programs: st.SearchStrategy[str], data: st.DataObject) -> None:
    check(data.draw(programs))
