"""What parsing a text would cost, estimated before the native parser sees it.

That parser needs time and memory quadratic in nested brackets and in chains of operators, calls and attributes, time
exponential in nested patterns, and it overflows its stack, which kills the process. Ordinary code is far from all of
this, so one cheap pass over brackets, strings and line ends decides; only a long logical line is looked at in full.
"""

from __future__ import annotations

import re
from typing import Final

from governance.extract.error import ExtractError
from governance.extract.tokens import BRACKETS, OPERATORS, tokens

MAX_NESTING: Final = 100
"""Brackets within brackets."""
MAX_CHAIN: Final = 1500
"""Operators, calls, attributes and items one after the other in one expression."""
MAX_ELIFS: Final = 4000
"""In one file; each is nested in the one before it."""
_MAX_LOOSE: Final = 5000
_FREE_NESTING: Final = 8
_FREE_CHAIN: Final = 40
_LONG: Final = 150
"""Characters; a shorter logical line has no chain worth counting."""
_ALLOWED: Final = 200_000
"""Microseconds (about) beyond the ordinary cost of a text, which is one or two per character."""

_LOOSE: Final = frozenset({"and", "or", "in", "is", "<", ">", "=", "!"})
_NESTED: Final = frozenset({"lambda", "if", "else"})
_ELIF = re.compile(r"^[ \t\f]*elif\b", re.MULTILINE)
_CASE = re.compile(r"[ \t\f]*case\b")


def check(text: str) -> None:
    """Raises ExtractError("too-deep") for a text that cannot be parsed safely and in bounded time."""
    if text.count("elif") > MAX_ELIFS and len(_ELIF.findall(text)) > MAX_ELIFS:
        raise ExtractError("too-deep", f"more than {MAX_ELIFS} elif branches: more than can be parsed safely")
    allowed = _ALLOWED + 2.0 * len(text)
    cost, depth = 0.0, 0
    start, quoted = 0, 0  # where the logical line begins, and how much of it is strings and comments
    closed = 0  # the end of the last bracket, from which on a guard may begin
    is_case = _CASE.match(text) is not None
    for token, end in tokens(text, BRACKETS, 0, len(text)):
        if token == "\n":
            if depth == 0:
                if end - start - quoted > _LONG:
                    cost += _chains(text, start, end, allowed)
                start, quoted, closed = end, 0, end
                is_case = _CASE.match(text, end) is not None
        elif token in "([{":
            if is_case and depth == 0:
                is_case = not any(word in ("if", ":") for word, _ in tokens(text, OPERATORS, closed, end))
            depth += 1
            if depth > _FREE_NESTING or is_case:
                cost += 1.5 * 4.0**depth if is_case else 15.0 * (depth - _FREE_NESTING)
                if depth > MAX_NESTING or cost > allowed:
                    raise _error(text, start, f"brackets are nested {depth} levels deep")
        elif token in ")]}":
            depth = max(depth - 1, 0)
            closed = end
        else:
            quoted += len(token)
    if len(text) - start - quoted > _LONG:
        cost += _chains(text, start, len(text), allowed)
    if cost > allowed:
        raise _error(text, start, "there are too many deep brackets and long chains in the file")


class _Frame:
    """Between two brackets: how long the chains are since the last separator.

    tight: calls, attributes, arithmetic, `not`; a looser operator ends it. nested: lambdas, conditional expressions.
    loose: `and`, `or` and comparisons, which cost no more than their length. lambdas: parameter lists still open.
    """

    __slots__ = ("lambdas", "loose", "nested", "tight")

    def __init__(self) -> None:
        self.tight = self.nested = self.loose = self.lambdas = 0

    def end_tight(self) -> float:
        """The cost of the tight chain that ends here."""
        length, self.tight = self.tight, 0
        return _square(length)

    def end(self) -> float:
        """The cost of everything that ends here."""
        nested, self.nested = self.nested, 0
        self.loose = 0
        return self.end_tight() + _square(nested)


def _square(length: int) -> float:
    return float(length * length) if length > _FREE_CHAIN else 0.0


def _chains(text: str, start: int, end: int, allowed: float) -> float:
    """The cost of the chains in one logical line."""
    cost = 0.0
    frames = [_Frame()]
    for token, _ in tokens(text, OPERATORS, start, end):
        frame = frames[-1]
        if token in "([{":
            frame.tight += 1
            frames.append(_Frame())
        elif token in ")]}":
            cost += frame.end()
            if len(frames) > 1:
                frames.pop()
        elif token in ",;:":
            if not frame.lambdas:
                cost += frame.end()
            elif token == ":":
                frame.lambdas -= 1
        elif token in _LOOSE:
            cost += frame.end_tight()
            frame.loose += 1
        elif token in _NESTED:
            cost += frame.end_tight()
            frame.nested += 1
            frame.lambdas += token == "lambda"
        elif token[0] not in "\n\"'#\\":
            frame.tight += 1
        longest = max(frame.tight, frame.nested)
        if longest > MAX_CHAIN or longest * longest > allowed or frame.loose > _MAX_LOOSE:
            message = f"an expression chains {max(longest, frame.loose)} operators, calls and attributes"
            raise _error(text, start, message)
    return cost + sum(frame.end() for frame in frames)


def _error(text: str, position: int, message: str) -> ExtractError:
    return ExtractError("too-deep", f"{message}: more than can be parsed safely", text.count("\n", 0, position) + 1)
