"""Constructs one by one: the checks that fail for a function, {} where its promise is kept.

The contract pages show what users write; here stands what is rare, and what is alike but not the same.
"""

import textwrap

import pytest

from tests.unit.paths.asking import asked, checks

KEPT: set[str] = set()


DECORATORS = {
    "a wrapper made by another function": (
        """
        import functools
        def counted(function):
            def inner(*args):
                try:
                    return function(*args)
                finally:
                    registry.update()
            return functools.update_wrapper(inner, function)
        """,
        KEPT,
    ),
    "a wrapper that is cast": (
        """
        from typing import Any, cast
        def counted(function):
            def inner(*args):
                try:
                    return function(*args)
                finally:
                    registry.update()
            return cast("Any", inner)
        """,
        KEPT,
    ),
    "a wrapper that calls twice": (
        """
        def counted(function):
            def inner(*args):
                function(*args)
                try:
                    return function(*args)
                finally:
                    registry.update()
            return inner
        """,
        {"skipped-by-exception"},
    ),
    "a wrapper that never calls": (
        """
        def counted(function):
            def inner(*args):
                return None
            return inner
        """,
        KEPT,
    ),
    "a class that keeps nothing": (
        """
        class counted:
            def __init__(self, function):
                print(function)
            def __call__(self, *args):
                registry.update()
        """,
        {"missing"},
    ),
    "a decorator from elsewhere": ("from lib import counted", {"missing"}),
    "an object that is called": (
        """
        class Counted:
            def __call__(self, function):
                def inner(*args):
                    try:
                        return function(*args)
                    finally:
                        registry.update()
                return inner
        counted = Counted()
        """,
        KEPT,
    ),
    "a decorator without parameters": ("def counted(): ...", {"missing"}),
    "a decorator that decorates itself": (
        """
        def counted(function):
            @counted
            def inner(*args):
                return function(*args)
            return inner
        """,
        {"missing"},
    ),
}


@pytest.mark.parametrize(("head", "expected"), DECORATORS.values(), ids=DECORATORS)
def test_decorator(head: str, expected: set[str]) -> None:
    source = textwrap.dedent(head) + "\n@counted\ndef owner(*args):\n    return plugin.run()\n"
    assert checks(source) == expected


def test_a_context_manager_that_yields_twice_or_never() -> None:
    head = "import contextlib\n@contextlib.contextmanager\ndef managed(flag):\n"
    use = "def owner(flag):\n    with managed(flag):\n        plugin.run()\n"
    twice = head + "    try:\n        yield\n        yield\n    finally:\n        registry.update()\n" + use
    never = (
        head + "    if flag:\n        return\n    try:\n        yield\n    finally:\n        registry.update()\n" + use
    )
    assert checks(twice) == KEPT
    assert checks(never) == KEPT
    assert checks(never, mode="every-exit") == {"skipped-by-exception", "skipped-by-return"} & checks(
        never, mode="every-exit"
    )


def test_a_class_that_is_owed_may_be_made_by_a_helper() -> None:
    source = """\
class Receipt:
    def __init__(self, name): ...
def settle():
    Receipt("x")
def owner():
    try:
        plugin.run()
    finally:
        settle()
"""
    assert checks(source, call=("case:Receipt",)) == KEPT


def test_an_external_call_may_be_made_by_a_helper() -> None:
    source = """\
import statsd
def settle():
    statsd.increment("x")
def owner():
    try:
        plugin.run()
    finally:
        settle()
"""
    assert checks(source, call=("statsd.increment",)) == KEPT


def test_functions_that_call_each_other() -> None:
    source = """\
def even(number):
    if number:
        return odd(number - 1)
    return plugin.run()
def odd(number):
    if number:
        return even(number - 1)
    return None
def owner():
    try:
        even(3)
    finally:
        registry.update()
"""
    assert checks(source) == KEPT
    assert checks(source.replace("    finally:\n", "    except ValueError:\n")) == {"skipped-by-return"}


def test_too_many_paths_are_said_to_be_unproven() -> None:
    deep = "def f0(x): return plugin.run()\n"
    for number in range(1, 14):
        calls = "".join(f"    if x == {case}:\n        f{number - 1}({case})\n" for case in range(10))
        deep += f"def f{number}(x):\n{calls}"
    source = deep + "def owner(x):\n    f13(x)\n    registry.update()\n"
    assert checks(source) in ({"skipped-by-exception"}, {"unproven"})


def test_findings_name_the_turn_of_the_path() -> None:
    source = """\
def owner(flag):
    try:
        plugin.run()
    finally:
        if flag:
            registry.update()
"""
    assert asked(source) == [(5, "conditional", "definite")]


STACKS = {
    "an unknown callback": ("stack.callback(unknown.flush)", {"missing"}),
    "a callback on an unknown registry": ("stack.callback(unknown.update)", KEPT),
    "the same callback twice": ("stack.callback(registry.update)\n        stack.callback(registry.update)", KEPT),
    "nothing registered": ("stack.callback()", {"missing"}),
    "a function that is handed over": ("stack.callback(lambda: registry.update())", KEPT),
    "more than anybody registers": (
        "\n        ".join(["stack.callback(print)", "stack.callback(len)"] * 9 + ["stack.callback(registry.update)"]),
        {"missing"},
    ),
}


@pytest.mark.parametrize(("register", "expected"), STACKS.values(), ids=STACKS)
def test_exit_stack(register: str, expected: set[str]) -> None:
    source = f"""\
import contextlib
def owner(unknown):
    with contextlib.ExitStack() as stack:
        {register}
        plugin.run()
"""
    assert checks(source) == expected


HELPERS = {
    "called by name": ('operator.methodcaller("update")(registry)', KEPT),
    "called by a name nobody knows": ("operator.methodcaller(str(1))(registry)", {"missing"}),
    "called through its class": ("Registry.update(registry)", KEPT),
    "called through a partial of a partial": ("functools.partial(functools.partial(registry.update), 1)()", KEPT),
    "called through a partial of a lambda": ("functools.partial(lambda: registry.update())()", KEPT),
    "called on one of several": ("(registry if unknown else Registry()).update()", KEPT),
    "called by a function that takes functions": ("call(registry.update)", KEPT),
    "called by a keyword": ("call(function=registry.update)", KEPT),
    "not called by a function that takes functions": ("ignore(registry.update)", {"missing"}),
    "called by a parameter that was replaced": ("replaced(registry.update)", {"missing"}),
    "called with unknown arguments": ("call(*unknown)", {"missing"}),
}


@pytest.mark.parametrize(("call", "expected"), HELPERS.values(), ids=HELPERS)
def test_ways_to_call(call: str, expected: set[str]) -> None:
    source = f"""\
import functools, operator
def call(function):
    function()
def ignore(function):
    print(function)
def replaced(function):
    function = print
    function()
def owner(unknown):
    try:
        plugin.run()
    finally:
        {call}
"""
    assert checks(source) == expected
