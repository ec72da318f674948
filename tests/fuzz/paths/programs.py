"""Random programs for the path engine: functions that run a plugin and (mostly) account for it.

A program is source text. `run`, `update`, `may`, `cond` and `items` are its only calls of substance, so that every
fault it can meet is a choice somebody else can make for it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

HEADER = """\
import contextlib
from outside import cond, items, may

def run(): ...
def update(): ...
"""

_CAUGHT = ("ValueError", "KeyError", "LookupError", "Exception", "BaseException", "(ValueError, KeyError)", "")


@dataclass
class Writer:
    """Writes one random program; the same seed writes the same program."""

    random: random.Random
    helpers: int = 0
    size: int = 0
    yields: bool = False
    tickets: bool = False
    """Whether there are objects whose flags decide what their methods do."""

    def program(self) -> str:
        """Helpers, context managers, and the function `owner` that is asked about."""
        parts = [HEADER]
        self.helpers = self.random.choice((0, 0, 1, 2))
        for number in range(self.helpers):
            self.size = 0
            parts.append(f"def helper{number}():\n    flag = {self._constant()}\n{self._block(1, 2, False, number)}")
            parts.append(f"    return {self.random.choice(('flag', 'True', 'False', 'None', 'cond()'))}\n")
        parts.append(self._generator_manager())
        parts.append(self._class_manager())
        parts.append(self._ticket())
        self.size = 6
        self.yields = True
        parts.append(f"def produce():\n    flag = True\n{self._block(1, 2, False, 0)}    yield\n")
        self.yields = self.random.random() < 0.1
        self.size = 0
        self.tickets = self.random.random() < 0.4
        made = "    ticket = Ticket()\n    spare = Ticket()\n" if self.tickets else ""
        parts.append(f"def owner():\n    flag = other = {self._constant()}\n{made}{self._block(1, 4, False, 9)}")
        return "\n".join(parts)

    def _generator_manager(self) -> str:
        self.size = 4
        form = self.random.randrange(4)
        before, after = self._block(1, 1, False, 0), self._block(1, 1, False, 0)
        inner = self._block(2, 1, False, 0)
        if form == 0:
            body = f"{before}    yield\n{after}"
        elif form == 1:
            body = f"{before}    try:\n        yield\n    finally:\n{inner}"
        elif form == 2:
            caught = self.random.choice(_CAUGHT)
            again = self.random.choice(("        raise\n", ""))
            body = f"    try:\n        yield\n    except {caught}:\n{inner}{again}{after}".replace(
                "except :", "except:"
            )
        else:
            body = f"    with contextlib.suppress({self.random.choice(_CAUGHT[:5])}):\n        yield\n{after}"
        return f"@contextlib.contextmanager\ndef manager():\n    flag = True\n{body}"

    def _class_manager(self) -> str:
        self.size = 4
        enter, leave = self._block(2, 1, False, 0), self._block(3, 1, False, 0)
        test = self.random.choice(
            ("kind is None", "kind is not None", "True", "cond()", "kind and issubclass(kind, KeyError)")
        )
        answer = self.random.choice(("True", "False", "None", "kind is None", "cond()"))
        return (
            f"class Manager:\n    def __enter__(self):\n        flag = False\n{enter}"
            f"    def __exit__(self, kind, value, trace):\n        flag = False\n        if {test}:\n{leave}"
            f"        return {answer}\n"
        )

    def _ticket(self) -> str:
        test = self.random.choice(("self.done", "self.done", "not self.done"))
        steps = [f"        self.done = {self.random.choice(('True', 'True', 'False'))}\n", "        update()\n"]
        self.random.shuffle(steps)
        started = self.random.choice(("False", "False", "True"))
        return (
            f"class Ticket:\n    def __init__(self):\n        self.done = {started}\n"
            f"    def finish(self):\n        if {test}:\n            return\n{''.join(steps)}"
            f"    def mark(self):\n        self.done = {self._constant()}\n"
            f"    def __enter__(self):\n        return self\n"
            f"    def __exit__(self, *exc):\n        self.finish()\n"
        )

    def _constant(self) -> str:
        return self.random.choice(("True", "False"))

    def _test(self) -> str:
        tests = [
            "cond()", "cond()", "flag", "not flag", "flag and cond()", "flag or cond()", "flag is True",
            "flag == False",
        ]  # fmt: skip
        return self.random.choice([*tests, "ticket.done", "not ticket.done"] if self.tickets else tests)

    def _block(self, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool = False) -> str:
        lines = ""
        for _ in range(self.random.randint(1, 3)):
            lines += self._statement(depth, nesting, in_loop, known, in_handler)
        return lines

    def _statement(self, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        self.size += 1
        pad = "    " * depth
        simple = ["run()", "run()", "update()", "update()", "may()", f"flag = {self._constant()}", "flag = cond()"]
        if known:
            simple += [f"flag = helper{number}()" for number in range(min(known, self.helpers))]
        if self.tickets:
            simple += ["ticket.finish()", "ticket.finish()", "spare.finish()", "ticket.mark()", "ticket.done = flag"]
        if in_loop:
            simple += ["break", "continue"]
        if self.random.random() < 0.1:
            simple += ["return", "raise ValueError", "raise KeyError('x')", "return flag"]
        if in_handler:
            simple += ["raise"]
        if self.yields:
            simple += ["yield", "yield"]
        if nesting == 0 or self.size > 14 or self.random.random() < 0.45:
            return pad + self.random.choice(simple) + "\n"
        compound = self.random.choice(("if", "if", "try", "try", "finally", "finally", "while", "for", "with", "one"))
        write: Callable[..., str] = getattr(self, f"_{compound}")
        return write(pad, depth + 1, nesting - 1, in_loop, known, in_handler)

    def _if(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        text = f"{pad}if {self._test()}:\n{self._block(depth, nesting, in_loop, known, in_handler)}"
        if self.random.random() < 0.5:
            text += f"{pad}else:\n{self._block(depth, nesting, in_loop, known, in_handler)}"
        return text

    def _one(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        one, other = (self.random.choice(("run()", "update()", "may()", "None")) for _ in range(2))
        return f"{pad}{one} if {self._test()} else {other}\n"

    def _while(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        text = f"{pad}while cond():\n{self._block(depth, nesting, True, known, in_handler)}"
        if self.random.random() < 0.3:
            text += f"{pad}else:\n{self._block(depth, nesting, in_loop, known, in_handler)}"
        return text

    def _for(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        sources = ("items()", "items()", "(1, 2)", "range(2)", *(("produce()", "produce()") if known == 9 else ()))
        source = self.random.choice(sources)
        return f"{pad}for item in {source}:\n{self._block(depth, nesting, True, known, in_handler)}"

    def _try(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        text = f"{pad}try:\n{self._block(depth, nesting, in_loop, known, in_handler)}"
        for position in range(self.random.choice((1, 1, 2))):
            caught = self.random.choice(_CAUGHT[:-1] if position == 0 else _CAUGHT)
            named = self.random.choice(("", " as error")) if caught else ""
            text += f"{pad}except {caught}{named}:\n".replace("except :", "except:")
            text += self._block(depth, nesting, in_loop, known, True)
            if named and self.random.random() < 0.3:
                text += f"{pad}    raise error\n"
        if self.random.random() < 0.3:
            text += f"{pad}else:\n{self._block(depth, nesting, in_loop, known, in_handler)}"
        if self.random.random() < 0.4:
            text += f"{pad}finally:\n{self._block(depth, nesting, in_loop, known, in_handler)}"
        return text

    def _finally(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        body = self._block(depth, nesting, in_loop, known, in_handler)
        paid = self.random.choice(("update", "ticket.finish")) if self.tickets else "update"
        cleanup = self.random.choice((f"{pad}    {paid}()\n", self._block(depth, nesting, in_loop, known, in_handler)))
        return f"{pad}try:\n{body}{pad}finally:\n{cleanup}"

    def _with(self, pad: str, depth: int, nesting: int, in_loop: bool, known: int, in_handler: bool) -> str:
        body = self._block(depth, nesting, in_loop, known, in_handler)
        if known != 9:
            return f"{pad}with contextlib.suppress({self.random.choice(_CAUGHT[:5])}):\n{body}"
        stack = f"{pad}with contextlib.ExitStack() as stack:\n"
        tickets = ("Ticket()", "ticket", "Ticket() as opened") if self.tickets else ()
        kind = self.random.choice(("manager()", "Manager()", "suppress", "stack", "entered", *tickets))
        if kind == "suppress":
            return f"{pad}with contextlib.suppress({self.random.choice(_CAUGHT[:5])}):\n{body}"
        if kind == "stack":
            return f"{stack}{pad}    stack.callback({self.random.choice(('update', 'may', 'run'))})\n{body}"
        if kind == "entered":
            return f"{stack}{pad}    stack.enter_context({self.random.choice(('manager()', 'Manager()'))})\n{body}"
        return f"{pad}with {kind}:\n{body}"


def program(seed: int) -> str:
    """The program of a seed."""
    return Writer(random.Random(seed)).program()
