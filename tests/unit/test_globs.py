"""Path globs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance import globs

MATCHES = [
    ("tests", "tests/a.py"),
    ("tests", "pkg/tests/deep/a.py"),
    ("test_*.py", "test_a.py"),
    ("test_*.py", "pkg/test_a.py"),
    ("*.py", "a/b/c.py"),
    ("a/*.py", "a/b.py"),
    ("./a/b.py", "a/b.py"),
    ("a/b/", "a/b/c.py"),
    ("a/**/z.py", "a/z.py"),
    ("a/**/z.py", "a/b/c/z.py"),
    ("**/gen", "gen/a.py"),
    ("**/gen", "a/gen/b.py"),
    ("a/**", "a/b.py"),
    ("a/?.py", "a/b.py"),
    ("a/[bc].py", "a/c.py"),
    ("a/[!bc].py", "a/d.py"),
    ("a[1].py", "a1.py"),
    ("a/[^]].py", "a/^].py"),
    ("über maß.py", "pkg/über maß.py"),
    ("a+b", "a+b/c.py"),
    ("a\nb.py", "a\nb.py"),
]
MISSES = [
    ("tests", "mytests/a.py"),
    ("tests", "tests.py"),
    ("a/*.py", "a/b/c.py"),
    ("a/*.py", "x/a/b.py"),
    ("a/b", "x/a/b/c.py"),
    ("a?b.py", "a/b.py"),
    ("a[!x]b.py", "a/b.py"),
    ("a.py", "axpy"),
    ("a/[bc].py", "a/d.py"),
]
REFUSED = ["", ".", "./", "/", "/etc", "../x", "a/../b", "a\\b", "[z-a]"]


@pytest.mark.parametrize(("pattern", "path"), MATCHES)
def test_matches(pattern: str, path: str) -> None:
    assert globs.problem(pattern) == ""
    assert globs.matcher([pattern])(path)


@pytest.mark.parametrize(("pattern", "path"), MISSES)
def test_does_not_match(pattern: str, path: str) -> None:
    assert not globs.matcher([pattern])(path)


@pytest.mark.parametrize("pattern", REFUSED)
def test_refused(pattern: str) -> None:
    assert globs.problem(pattern)


def test_no_pattern_matches_nothing() -> None:
    assert not globs.matcher([])("a.py")


@given(st.text(alphabet="ab/*?[]!^-\\.~&|{}()é", max_size=12), st.text(alphabet="ab/.é", max_size=12))
def test_every_pattern_is_refused_or_works(pattern: str, path: str) -> None:
    if not globs.problem(pattern):
        assert globs.matcher([pattern, "unlikely"])(path) in (True, False)


@given(st.text(alphabet="ab.é -", min_size=1, max_size=8).filter(lambda name: name.strip("./")))
def test_a_plain_name_matches_itself_everywhere(name: str) -> None:
    matches = globs.matcher([name])
    assert matches(name)
    assert matches(f"x/{name}/y.py")
    assert not matches(f"x/y{name}y/z.py") or f"y{name}y" == name
