"""Patterns: whether what is known of a value says that the pattern of a `case` matches it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from governance.paths.abstract import FIELDS, PARTS, truthiness
from governance.paths.evaluating import is_of
from governance.paths.frames import Frame
from governance.paths.outcomes import Abstract, State

if TYPE_CHECKING:
    from governance.paths.engine import Engine


def matches(
    engine: Engine, frame: Frame, pattern: list[Any] | None, known: Abstract | None, state: State
) -> bool | None:
    """Whether a pattern matches; None if that is not known."""
    if pattern is None:
        return True
    kind = pattern[0]
    if kind == "capture":
        return matches(engine, frame, pattern[1], known, state)
    if kind == "or":
        answers = [matches(engine, frame, each, known, state) for each in pattern[1]]
        return True if True in answers else None if None in answers else False
    if known is None:
        return None
    if kind == "value":
        return _equals(engine.truth.evaluate(frame, pattern[1], state), known)
    if kind == "sequence" and known[:2] == ("truthy", PARTS):
        if ["star"] in pattern[1]:
            return None
        pairs = zip(pattern[1], known[2], strict=False)
        return len(pattern[1]) == len(known[2]) and _all(matches(engine, frame, *pair, state) for pair in pairs)
    if kind == "class" and known[:2] == ("truthy", FIELDS):
        return _of_class(engine, frame, pattern, dict(known[2]), state)
    return None


def _of_class(
    engine: Engine, frame: Frame, pattern: list[Any], fields: dict[str, Abstract], state: State
) -> bool | None:  # fmt: skip
    cls = fields[""][1]
    names = [engine.index.classes.positional(cls, position) for position in range(len(pattern[2]))]
    parts = [*zip(names, pattern[2], strict=True), *pattern[3]]
    return _all([
        is_of(engine.index, cls, frame.ref(pattern[1])),
        *(matches(engine, frame, part, fields.get(name), state) for name, part in parts),
    ])  # fmt: skip


def _equals(wanted: Abstract | None, known: Abstract) -> bool | None:
    if wanted is None or wanted[0] != "const":
        return None
    if known[0] == "const":
        return known == wanted
    one, other = truthiness(known), truthiness(wanted)
    if one is None or other is None or (one == other and wanted[1] != "bool"):
        return None
    return one == other


def _all(answers: Iterable[bool | None]) -> bool | None:
    found = list(answers)
    return False if False in found else None if None in found else True
