"""Cleanups one by one: the checks that fail for a `finally`, {} where its promise is kept.

The contract pages show what users write; here stands what is rare, and what is alike but not the same.
"""

import textwrap

import pytest

from tests.unit.paths.asking import checks

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
    "debug may be off": ("if __debug__:\n    registry.update()", {"conditional"}),
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
    "a del in front": ("stash = {}\ndel stash['a']\nregistry.update()", {"may-raise-before"}),
    "a del of what was put there": ("stash = {}\nstash['a'] = 1\ndel stash['a']\nregistry.update()", KEPT),
    "a del of a name": ("stash = {}\ndel stash\nregistry.update()", KEPT),
    "an assert around it": ("assert registry.update() is None", {"conditional"}),
    "an assert in front": ("assert rest\nregistry.update()", {"may-raise-before"}),
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


ITEMS = {
    "an entry of a table that is handed over": ("settle({'ok': 1})", KEPT),
    "no entry of a table that is handed over": ("settle({'no': 1})", {"may-raise-before"}),
    "the last part of a split": ("registry.update(name.split('.')[-1])", KEPT),
    "some part of a split": ("registry.update(name.split('.')[1])", {"may-raise-before"}),
    "what comes after a separator": ("registry.update(name.rpartition('.')[2])", KEPT),
    "a part by a name": ("registry.update(name.split('.')[other])", {"may-raise-before"}),
    "a slice": ("registry.update(name[1:])", KEPT),
    "an entry of a typed dictionary": ("registry.update(row['label'])", KEPT),
    "a place of a pair": ("registry.update(pair[1])", KEPT),
    "no place of a pair": ("registry.update(pair[2])", {"may-raise-before"}),
    "a count": ("registry.update(counts['x'])", KEPT),
    "a type": ("registry.update(dict[str, int])", KEPT),
    "a class": ("registry.update(Row['x'])", KEPT),
    "an entry by a variable": ("registry.update({'a': 1, 'b': 2}[unknown])", {"may-raise-before"}),
    "a property of another object": ("registry.update(Box().name)", KEPT),
    "a property of another object that fails": ("registry.update(Box().broken)", {"may-raise-before"}),
    "an entry stored before": ("stash = {}\nstash['on'] = True\nif stash['on']:\n    registry.update()", KEPT),
}


@pytest.mark.parametrize(("cleanup", "expected"), ITEMS.values(), ids=ITEMS)
def test_items_and_attributes(cleanup: str, expected: set[str]) -> None:
    head = """\
from collections import Counter
from typing import TypedDict
class Row(TypedDict):
    label: str
class Box:
    @property
    def name(self) -> str:
        return "box"
    @property
    def broken(self) -> str:
        raise RuntimeError
def settle(facts):
    registry.update(facts["ok"])
def owner(name: str, other: int, row: Row, pair: tuple[int, str], unknown, counts: "Counter[str]"):
"""
    body = f"try:\n    {RUN}\nfinally:\n" + textwrap.indent(cleanup, "    ")
    found = checks(head + textwrap.indent(body, "    "))
    assert found == expected


FLAGS = {
    "unpacked": ("began, on = 1, True", "on", KEPT),
    "unpacked from a star": ("began, on = *rest, True", "on", {"conditional"}),
    "unpacked from a call": ("began, on = divmod(1, 2)", "on", {"conditional"}),
    "annotated": ("on: bool = True", "on", KEPT),
    "annotated only": ("on: bool\nif unknown:\n    on = True\nelse:\n    on = True", "on", KEPT),
    "equal to a string": ("on = 'yes'", "on == 'yes'", KEPT),
    "unequal to None": ("on = 'yes'", "on != None", KEPT),
    "an exception is an exception": ("on = None", "not isinstance(on, ValueError)", KEPT),
    "the class of something": ("on = 1", "type(on) is None", {"missing"}),
    "what an unknown test gives": ("on = unknown > 3", "on", {"conditional"}),
    "a list that is not empty": ("on = [1]", "on", KEPT),
    "a formatted text": ("on = f'{unknown}'", "on is not None", KEPT),
    "the same flag by another name": ("on = True\nstill = on", "still", KEPT),
    "either of two": ("on = True\noff = False", "off or on", KEPT),
    "both of two": ("on = True\noff = False", "on and off", {"missing"}),
    "one of two that are not known": ("on = unknown", "on or not on", KEPT),
    "a chain of three": ("on = 1", "0 < on < 2", {"conditional"}),
    "larger than": ("on = 1", "on > 0", KEPT),
    "not larger than": ("on = 0", "on > 0", {"missing"}),
    "larger than something unknown": ("on = 1", "on > unknown", {"conditional"}),
}


@pytest.mark.parametrize(("before", "test", "expected"), FLAGS.values(), ids=FLAGS)
def test_flags(before: str, test: str, expected: set[str]) -> None:
    assert checks(after_run(f"if {test}:\n    registry.update()", before)) == expected


def test_with_too_many_states_variables_are_let_go_of() -> None:
    names = [f"flag{number}" for number in range(9)]
    setting = "".join(
        f"    {name} = unknown > {number}\n    if {name}: print(1)\n" for number, name in enumerate(names)
    )
    using = "".join(f"    if {name}: print(2)\n" for name in names)
    source = (
        f"def owner(unknown: int):\n{setting}    try:\n        plugin.run()\n    finally:\n        registry.update()\n"
    )
    assert checks(source + using) == KEPT


def test_what_is_assumed_not_to_raise_is_a_matter_of_configuration() -> None:
    source = after_run("import lib\nlib.gauge.set(1)\nregistry.update()")
    assert checks(source) == {"may-raise-before"}
    assert checks(source, assume_safe=("lib.gauge.*",)) == KEPT
