"""Constructs one by one: the checks that fail for a function, {} where its promise is kept.

The contract pages show what users write; here stands what is rare, and what is alike but not the same.
"""

import textwrap

import pytest

from tests.unit.paths.asking import asked, checks

RUN = "result = plugin.run()"
KEPT: set[str] = set()


def owner(body: str, parameters: str = "flag: bool = False, *rest, unknown=None", head: str = "") -> str:
    return f"{textwrap.dedent(head)}\ndef owner({parameters}):\n{textwrap.indent(textwrap.dedent(body), '    ')}\n"


def after_run(cleanup: str, before: str = "", head: str = "") -> str:
    """A run in a try, with a cleanup."""
    body = (
        textwrap.dedent(before) + f"\ntry:\n    {RUN}\nfinally:\n" + textwrap.indent(textwrap.dedent(cleanup), "    ")
    )
    return owner(body, head=head)


CLEANUPS = {
    "a literal decides": ("if True:\n    registry.update()", KEPT),
    "a literal decides the other way": ("if 0:\n    registry.update()", {"missing"}),
    "a string decides": ("if 'on':\n    registry.update()", KEPT),
    "debug is taken for on": ("if __debug__:\n    registry.update()", KEPT),
    "not not": ("if not not True:\n    registry.update()", KEPT),
    "a chain of comparisons": ("if 0 < len(rest) < 3:\n    registry.update()", {"conditional"}),
    "bool of a constant": ("if bool(1):\n    registry.update()", KEPT),
    "bool of something": ("if bool(rest):\n    registry.update()", {"conditional"}),
    "a constant on the left": ("if None is not registry:\n    registry.update()", KEPT),
    "a tuple is true": ("if (flag, 1):\n    registry.update()", KEPT),
    "an empty tuple is false": ("if ():\n    registry.update()", {"missing"}),
    "a lambda is not None": ("f = lambda: 1\nif f is not None:\n    registry.update()", KEPT),
    "membership of constants": ("mode = 'a'\nif mode in ('a', 'b'):\n    registry.update()", KEPT),
    "no membership of constants": ("mode = 'c'\nif mode not in {'a', 'b'}:\n    registry.update()", KEPT),
    "membership of something": ("mode = 'c'\nif mode in (flag, 'b'):\n    registry.update()", {"conditional"}),
    "a conditional value decides": ("on = True if flag else True\nif on:\n    registry.update()", KEPT),
    "a conditional value that may be off": (
        "on = True if flag else None\nif on:\n    registry.update()",
        {"conditional"},
    ),
    "a known test decides a conditional value": (
        "yes = True\non = 1 if yes else 0\nif on == 1:\n    registry.update()",
        KEPT,
    ),
    "a comparison is kept": ("on = flag is None\nif on or not on:\n    registry.update()", KEPT),
    "unequal booleans": ("if flag == True:\n    registry.update()\nelif flag == False:\n    registry.update()", KEPT),
    "a negated name": ("off = not True\nif not off:\n    registry.update()", KEPT),
    "a walrus": ("if (on := True) and on:\n    registry.update()", KEPT),
    "both arms of a value": ("registry.update() if flag else registry.update()", KEPT),
    "an assertion that holds": ("assert True\nregistry.update()", KEPT),
    "an assertion that fails": ("assert False, 'no'\nregistry.update()", {"may-raise-before"}),
    "a loop that ends": ("while not flag:\n    flag = True\nregistry.update()", KEPT),
    "a loop that never ends": ("while True:\n    pass", KEPT),
    "the interpreter is gone": ("import os\nos._exit(1)", KEPT),
    "a range that is empty": ("for _ in range(0):\n    registry.update()", {"loop"}),
    "a range of something": ("for _ in range(len(rest)):\n    registry.update()", {"loop"}),
    "a set of two": ("for _ in {1, 2}:\n    registry.update()", KEPT),
    "an unpacked tuple may be empty": ("for _ in (*rest,):\n    registry.update()", {"loop"}),
    "a break before it": (
        "for _ in (1, 2):\n    if flag:\n        break\n    registry.update()",
        {"skipped-by-return"},
    ),
    "a nested function that returns a flag": (
        "def on():\n    return True\nif on():\n    registry.update()",
        KEPT,
    ),
    "a del in front": ("stash = {}\ndel stash['a']\nregistry.update()", KEPT),
    "builtins in front": ("print(len(str(rest)), max(1, 2), isinstance(flag, int))\nregistry.update()", KEPT),
    "opening a file in front": ("open('x')\nregistry.update()", {"may-raise-before"}),
    "popping in front": ("stash = {}\nstash.pop('a')\nregistry.update()", {"may-raise-before"}),
    "a new exception in front": ("ValueError('x')\nregistry.update()", KEPT),
    "an unknown class in front": (
        "import lib\nclass Odd(lib.Base): ...\nOdd()\nregistry.update()",
        {"may-raise-before"},
    ),
    "a log call by its name": ("unknown.logger.info('x')\nregistry.update()", KEPT),
    "an unknown lock": ("with unknown.lock:\n    registry.update()", KEPT),
    "a lock": ("import threading\nwith threading.Lock():\n    registry.update()", KEPT),
    "a null context": ("import contextlib\nwith contextlib.nullcontext():\n    registry.update()", KEPT),
    "closing something unknown": (
        "import contextlib\nwith contextlib.closing(unknown):\n    registry.update()",
        KEPT,
    ),
    "suppressing nothing in particular": (
        "import contextlib\nwith contextlib.suppress():\n    registry.update()",
        KEPT,
    ),
    "a call of what a call gave": ("unknown()()\nregistry.update()", {"may-raise-before"}),
    "a match without a default": ("match rest:\n    case []:\n        registry.update()", {"conditional"}),
    "a match with a guard": (
        "match rest:\n    case _ if flag:\n        registry.update()\n    case _:\n        registry.update()",
        KEPT,
    ),
    "a match with a guard that may fail": (
        "match rest:\n    case _ if flag:\n        registry.update()",
        {"conditional"},
    ),
    "a match on a constant": (
        "mode = 'a'\nmatch mode:\n    case 'b':\n        pass\n    case 'a':\n        registry.update()",
        KEPT,
    ),
}


@pytest.mark.parametrize(("cleanup", "expected"), CLEANUPS.values(), ids=CLEANUPS)
def test_cleanup(cleanup: str, expected: set[str]) -> None:
    assert checks(after_run(cleanup)) == expected


def test_a_flag_that_is_not_a_boolean_may_be_neither() -> None:
    source = owner(
        """
        try:
            plugin.run()
        finally:
            if flag == True:
                registry.update()
            elif flag == False:
                registry.update()
        """,
        "flag",
    )
    assert checks(source) == {"conditional"}


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


COROUTINES = {
    "a loop run by hand": (
        """
        def owner(loop):
            try:
                loop.run_until_complete(work())
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "a task in a name": (
        """
        async def owner():
            task = asyncio.create_task(work())
            try:
                await task
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "one of two tasks": (
        """
        async def owner(flag):
            if flag:
                job = work()
            else:
                job = work()
            await job
            registry.update()
        """,
        {"skipped-by-exception"},
    ),
    "settled by one of two": (
        """
        async def owner(flag):
            try:
                await work()
            finally:
                await (settle() if flag else idle())
        """,
        {"skipped-by-return"},
    ),
    "settled by either": (
        """
        async def owner(flag):
            try:
                await work()
            finally:
                await (settle() if flag else settle())
        """,
        KEPT,
    ),
    "settled among others": (
        """
        async def owner():
            try:
                await work()
            finally:
                await asyncio.gather(idle(), settle())
        """,
        KEPT,
    ),
    "settled by one of two among others": (
        """
        async def owner(flag):
            try:
                await work()
            finally:
                await asyncio.gather(idle(), settle() if flag else idle())
        """,
        {"missing"},
    ),
    "started and dropped": (
        """
        async def owner():
            try:
                asyncio.ensure_future(work())
            finally:
                registry.update()
        """,
        {"detached"},
    ),
    "started in a group": (
        """
        async def owner():
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(work())
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "started in a thread": (
        """
        def owner():
            import threading
            try:
                threading.Thread(target=plugin.run).start()
            finally:
                registry.update()
        """,
        {"detached"},
    ),
    "started in a thread that is joined": (
        """
        def owner():
            import threading
            thread = threading.Thread(target=plugin.run)
            try:
                thread.start()
                thread.join()
            finally:
                registry.update()
        """,
        KEPT,
    ),
    "handed on": ("async def owner(queue):\n    queue.put(work())", {"missing"}),
    "returned as it is": ("def owner():\n    return work()", {"missing"}),
    "made and dropped": ("def owner():\n    work()", KEPT),
    "an asynchronous generator": (
        """
        async def owner():
            async for item in stream():
                if item:
                    return item
        """,
        {"skipped-by-return"},
    ),
    "a stack that is closed": (
        """
        async def owner():
            stack = contextlib.AsyncExitStack()
            stack.push_async_callback(settle)
            try:
                await work()
            finally:
                await stack.aclose()
        """,
        KEPT,
    ),
}

COROUTINE_HEAD = """\
import asyncio, contextlib
async def work():
    await asyncio.sleep(1)
    return plugin.run()
async def settle():
    registry.update()
async def idle():
    print("idle")
async def stream():
    try:
        yield plugin.run()
    finally:
        registry.update()
"""


@pytest.mark.parametrize(("body", "expected"), COROUTINES.values(), ids=COROUTINES)
def test_coroutine(body: str, expected: set[str]) -> None:
    plain = any(word in body for word in ("await", "loop", "async for", "try"))
    trigger = ("case:Plugin.run",) if plain else ("case:work",)
    assert checks(COROUTINE_HEAD + textwrap.dedent(body) + "\n", trigger=trigger) == expected


PROTECTED = """
    try:
        yield plugin.run()
    finally:
        registry.update()
"""
GENERATORS = {
    "taken by a list": ("return list(parts())", PROTECTED, KEPT),
    "taken from it": ("yield from parts()", PROTECTED, KEPT),
    "taken from it, unprotected": (
        "yield from parts()",
        "\n    yield plugin.run()\n    registry.update()\n",
        {"abandoned-generator", "skipped-by-exception"},
    ),
    "left by a break": ("for _ in parts(): break", PROTECTED, KEPT),
    "left by an exception": ("for _ in parts(): raise ValueError", PROTECTED, KEPT),
    "it raises itself": (
        "for _ in parts(): pass",
        "\n    yield 1\n    plugin.run()\n    registry.update()\n",
        {"skipped-by-exception"},
    ),
}


@pytest.mark.parametrize(("body", "parts", "expected"), GENERATORS.values(), ids=GENERATORS)
def test_generator(body: str, parts: str, expected: set[str]) -> None:
    assert checks(f"def parts():{parts}\ndef owner():\n    {body}\n") == expected


def test_a_context_manager_that_yields_twice_or_never() -> None:
    head = "import contextlib\n@contextlib.contextmanager\ndef managed(flag):\n"
    use = "def owner():\n    with managed(1):\n        plugin.run()\n"
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


def test_what_is_assumed_not_to_raise_is_a_matter_of_configuration() -> None:
    source = after_run("import lib\nlib.gauge.set(1)\nregistry.update()")
    assert checks(source) == {"may-raise-before"}
    assert checks(source, assume_safe=("lib.gauge.*",)) == KEPT


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
    assert asked(after_run("if flag:\n    registry.update()")) == [(7, "conditional", "definite")]


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
