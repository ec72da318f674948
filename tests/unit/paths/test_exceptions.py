"""Which handler catches what, against what the interpreter does with real classes."""

from __future__ import annotations

import builtins
import itertools

import pytest

from governance.paths.exceptions import ANY, CANCELLED, EXIT, MAY, MUST, NO, Exceptions
from governance.paths.outcomes import Kind
from tests.unit.paths.asking import index_of

SOURCE = """\
import requests
from asyncio import CancelledError
import concurrent.futures

class Base(Exception): ...
class Inner(Base, KeyError): ...
class Foreign(requests.Timeout): ...
class Stop(BaseException): ...
class Odd(unknown): ...

GROUP = (ValueError, Inner)
STARRED = (*GROUP, OSError)
def handlers():
    try: ...
    except Base: ...
    except (Inner, OSError): ...
    except GROUP: ...
    except STARRED: ...
    except CancelledError: ...
    except concurrent.futures.CancelledError: ...
    except nothing.known: ...
    except: ...
"""
INDEX = index_of(SOURCE)
EXCEPTIONS = Exceptions(INDEX)
BUILTIN = [
    "BaseException", "Exception", "KeyboardInterrupt", "SystemExit", "GeneratorExit", "ArithmeticError",
    "ZeroDivisionError", "LookupError", "KeyError", "OSError", "TimeoutError", "StopIteration",
]  # fmt: skip


def project(name: str) -> Kind:
    scope = INDEX.find(f"case:{name}")
    assert scope is not None
    return ("project", scope)


@pytest.mark.parametrize(("raised", "handler"), list(itertools.product(BUILTIN, BUILTIN)))
def test_builtin_classes_as_the_interpreter_has_them(raised: str, handler: str) -> None:
    real = getattr(builtins, raised), getattr(builtins, handler)
    answer = EXCEPTIONS.caught(("builtin", raised), ("builtin", handler))
    if issubclass(real[0], real[1]):
        assert answer == MUST
    else:
        assert answer == (MAY if issubclass(real[1], real[0]) else NO)


@pytest.mark.parametrize(
    ("raised", "handler", "expected"),
    [
        (ANY, ("builtin", "Exception"), MUST),
        (ANY, ("builtin", "ValueError"), MAY),
        (ANY, ("builtin", "KeyboardInterrupt"), NO),
        (ANY, None, MAY),
        (EXIT, ("builtin", "BaseException"), MUST),
        (EXIT, ("builtin", "Exception"), NO),
        (EXIT, ("builtin", "SystemExit"), MAY),
        (EXIT, CANCELLED, MAY),
        (CANCELLED, ("builtin", "Exception"), NO),
        (CANCELLED, CANCELLED, MUST),
        (project("Inner"), project("Base"), MUST),
        (project("Inner"), ("builtin", "LookupError"), MUST),
        (project("Base"), project("Inner"), MAY),
        (project("Base"), ("builtin", "KeyError"), NO),
        (project("Stop"), ("builtin", "Exception"), NO),
        (project("Foreign"), ("builtin", "Exception"), MUST),
        (project("Foreign"), ("builtin", "ValueError"), MAY),
        (project("Odd"), ("builtin", "ValueError"), MAY),
        (("external", "lib.Error"), ("builtin", "Exception"), MUST),
        (("external", "lib.Error"), ("external", "lib.Other"), MAY),
        (("builtin", "AnErrorOfTomorrow"), ("builtin", "Exception"), MUST),
    ],
)
def test_other_classes(raised: Kind, handler: Kind | None, expected: str) -> None:
    assert EXCEPTIONS.caught(raised, handler) == expected


def test_what_handlers_name() -> None:
    scope = INDEX.find("case:handlers")
    assert scope is not None
    step = next(step for step in INDEX.project.scope(scope).body if step[0] == "try")
    named = [EXCEPTIONS.of_handler("case", types) for types, _, _ in step[3]]
    value, inner, os_error = ("builtin", "ValueError"), project("Inner"), ("builtin", "OSError")
    assert named[:3] == [[project("Base")], [inner, os_error], [value, inner]]
    assert set(named[3]) >= {value, inner, os_error} or named[3] == [None]
    assert named[4:6] == [[CANCELLED], [("external", "concurrent.futures.CancelledError")]]
    assert named[6:] == [[None], [("builtin", "BaseException")]]


@pytest.mark.parametrize(("dotted", "kind"), [
    ("builtins.IOError", ("builtin", "OSError")), ("builtins.print", None), ("builtins.nothing", None),
    ("asyncio.exceptions.CancelledError", CANCELLED), ("lib.Error", ("external", "lib.Error")),
])  # fmt: skip
def test_external_names(dotted: str, kind: Kind | None) -> None:
    assert EXCEPTIONS.of_dotted(dotted) == kind
