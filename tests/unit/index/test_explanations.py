"""What is told of a value and of the lack of one: every `explain(x)  # text <- text` and `why_not(x)  # text`."""

from __future__ import annotations

import re

import pytest

from governance.extract import extract
from governance.index import Index, Module
from governance.index.chain import describe

BASE = """
class Job:
    name = "job"

    def execute(self): ...

    @property
    def twin(self) -> "Job":
        return self


class Store:
    jobs: dict[str, Job] = {}

    def __init__(self, first: Job):
        self.first = first

    def get(self, name):
        return self.jobs[name]


def made():
    return Job()


def each():
    yield Job()


DEFAULT = Job()
"""


def index_of(text: str) -> Index:
    return Index([Module("base", "base.py", extract(BASE.encode())), Module("case", "case.py", extract(text.encode()))])


def argument(index: Index) -> tuple[str, int]:
    """The argument of the one call of `look`."""
    for module, number in index.project.calls("look"):
        return (module, index.project.node((module, number))[2][0])
    raise AssertionError("nothing is looked at")


UNKNOWN = {
    "def f(x):\n    look(x)": "parameter x of f has no annotation and no call gives it a known value",
    "from typing import Any\ndef f(x: Any):\n    look(x)": (
        "parameter x of f has an annotation that says nothing and no call gives it a known value"
    ),
    "g = lambda x: look(x)": "parameter x of <lambda> has no annotation and no call gives it a known value",
    "def f(x):\n    look(x.plan)": "nothing known is stored in attribute plan",
    "def f(x):\n    look(x.load())": "what x.load(...) returns is not known",
    "look(missing)": "the name missing is not defined in the project",
    "def f(x):\n    look(x[0])": "the elements of x are not known",
    "def f(x):\n    for y in x:\n        look(y)": "the elements of x are not known",
    "def f(x):\n    y, z = x\n    look(z)": "the elements of x are not known",
    "def f(x, a):\n    if a:\n        y = x.a\n    else:\n        y = x.b\n    look(y)": (
        "none of the definitions that reach this place is known"
    ),
    "async def f(x):\n    look(await x.load())": "what x.load(...) returns is not known",
    "def f(x):\n    with x.open() as y:\n        look(y)": "what x.open(...) returns is not known",
    "def f(x):\n    look((yield))": "a yield expression is not followed",
    "def f(x):\n    if x is not None:\n        look(x)": (
        "parameter x of f has no annotation and no call gives it a known value"
    ),
    "def f():\n    del y\n    look(y)\n    y = 1": "the name is unbound here",
    "kept = Job.nothing\ndef f():\n    look(kept)": "nothing known is stored in attribute nothing",
}


@pytest.mark.parametrize(("text", "reason"), UNKNOWN.items())
def test_why_nothing_is_known(text: str, reason: str) -> None:
    index = index_of(text)
    ref = argument(index)
    assert not index.values(ref)
    assert index.unresolved(ref) == reason
    assert index.vague(ref) is not None


KNOWN = {
    "look(Job())": "Job() is an instance of Job (constructed) <- Job is imported here <- class Job is",
    "look(made())": "made() is an instance of Job (returned) <- made returns an instance of Job",
    "def f(x: Job):\n    look(x)": "parameter x of f is an instance of Job .* <- annotation Job",
    "def f(x):\n    look(x)\nf(Job())": "parameter x of f is an instance of Job (argument) <- Job()",
    "def f(x: Store):\n    look(x.get('a'))": "x.get(...) is an instance of Job .* <- Store.get",
    "def f(x: Store):\n    look(x.first)": "x.first is an instance .* <- attribute Store.first",
    "for x in each():\n    look(x)": "loop variable is an instance of Job .* <- each yields",
    "look(DEFAULT)": "DEFAULT is imported here",
    "look(base.DEFAULT)": "base.DEFAULT is an instance of Job",
    "xs = []\nxs.append(Job())\nlook(xs[0])": "xs[0] is .* <- an element of the container made here",
    "x, y = Job(), 1\nlook(x)": "unpacked element is an instance of Job",
    "def f(x: Job):\n    look(x.twin)": "x.twin is an instance of Job",
}


@pytest.mark.parametrize(("text", "steps"), KNOWN.items())
def test_why_it_may_be_a_job(text: str, steps: str) -> None:
    """steps: the texts of the chain, parts left out as `.*`."""
    index = index_of(f"import base\nfrom base import DEFAULT, Job, Store, each, made\n{text}")
    ref = argument(index)
    value = next(value for value in index.values(ref) if value[0] in ("inst", "self"))
    told = " <- ".join(step.text for step in index.chain(ref, value))
    parts = [re.escape(part) for part in steps.split(".*")]
    assert re.search(".*".join(parts), told), told


WORDS = {
    "look(base.Job)": "the class Job",
    "look(base.made)": "the function made",
    "look(base.Job().execute)": "the method Job.execute",
    "look(base)": "the module base",
    "look(len)": "len",
    "look(open('x'))": "an instance of open",
    "look(open('x').read)": "builtins.open.read",
    "look('text')": "'text'",
    "look(None)": "None",
    "look([1])": "a sequence",
    "look({1: 1})": "a mapping",
    "look((1,))": "a tuple",
    "look([1].append)": "a method of a container",
    "look(Color.RED)": "Color.RED",
    "look(later())": "an awaitable",
    "look(partial(len, 1))": "a partial function",
    "look('a'.upper)": "a method of text",
}


@pytest.mark.parametrize(("text", "words"), WORDS.items())
def test_value_in_words(text: str, words: str) -> None:
    head = "import base\nfrom enum import Enum\nfrom functools import partial\n"
    index = index_of(f"{head}class Color(Enum):\n    RED = 1\nasync def later(): ...\n{text}\n")
    ref = argument(index)
    assert words in {describe(index.project, value) for value in index.values(ref)}


def test_anchors_are_found_where_they_are_defined_reexported_or_inherited() -> None:
    index = index_of("from base import Job as Work, Store\nimport base as b\nclass Special(Work):\n    pass\n")
    symbol = {name: index.find(name) for name in ("case:Work", "case:Special.execute", "base.Job", "case", "case:b")}
    told = {name: index.project.symbol(scope) if scope else None for name, scope in symbol.items()}
    assert told == {
        "case:Work": "base:Job",
        "case:Special.execute": "base:Job.execute",
        "base.Job": "base:Job",
        "case": "case",
        "case:b": None,
    }
    assert index.find("nowhere:Job") is None
    assert index.find("case:Special.nothing") is None
    assert index.suggest("base:Jab") == "base:Job"
    assert index.suggest("elsewhere:made") == "base:made"
    assert index.suggest("quite:different.thing") == ""
