"""Programs drawn from Python's grammar and from the nodes of libcst: each is read, and read whole.

Nobody writes such programs, which is the point: odd space, odd names, every expression inside every other.
"""

from __future__ import annotations

import ast

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from tests.unit.extract.test_completeness import compare


def of_the_grammar() -> st.SearchStrategy[str]:
    import hypothesmith  # takes seconds, which every run would pay for if it stood above

    return hypothesmith.from_grammar()


def of_nodes() -> st.SearchStrategy[str]:
    import hypothesmith

    return hypothesmith.from_node()


@pytest.mark.slow
@pytest.mark.parametrize("programs", [st.deferred(of_the_grammar), st.deferred(of_nodes)], ids=["grammar", "nodes"])
@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_many_programs(programs: st.SearchStrategy[str], data: st.DataObject) -> None:
    source = data.draw(programs)
    try:
        ast.parse(source.replace("\r\n", "\n"))
    except SyntaxError:
        reject()  # a backslash at the end of a file: CPython takes it with one kind of line break, not with the other
    assert compare(source.encode("utf-8", "surrogatepass"), source, steps=False)
