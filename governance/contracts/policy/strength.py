"""Strength: what a configuration promises less than another one did. What cannot be told to be as strong is weaker."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from governance.contract import Direction, Weaker
from governance.contracts.policy.promises import Policy, Promise
from governance.options import key_of
from governance.settings import FileSettings

_TERMS: Final[Mapping[str, Direction]] = {
    "fail_on": ("unresolved", "possible", "probable", "definite"),
    "exclude": Weaker.MORE,
    "tests": ("checked", "exempt"),
}


@dataclass(frozen=True, slots=True)
class Weakening:
    """One thing that holds no longer. contract: the id of the contract it is about, "" for all of them."""

    check: str
    text: str
    subject: str
    contract: str = ""


def weakenings(before: Policy, after: Policy) -> Iterator[Weakening]:
    """Everything that `before` promised and `after` does not."""
    renamed = kept_as(before, after)
    for name, promise in before.promises.items():
        now = after.promises.get(name)
        if now is not None:
            for text in weaker(promise, now):
                yield Weakening("weaker", f"contract {name}: {text}", f"{name}: {text}", name)
        elif name in after.disabled:
            text = f"contract {name} was switched off: {after.disabled[name] or 'no reason is given'}"
            yield Weakening("gone", text, name, name)
        elif name not in renamed:
            dropped = promise.preset and all(each.preset != promise.preset for each in after.promises.values())
            text = f"contract {name} is gone{f' with preset {promise.preset}' if dropped else ''}"
            yield Weakening("gone", text, name)
    exempting = any(promise.terms.tests == "exempt" for promise in after.promises.values())
    for text in _files(before.files, after.files, exempting):
        yield Weakening("files", text, text)


def kept_as(before: Policy, after: Policy) -> dict[str, str]:
    """Contracts that are gone, each with one that promises at least as much under another name."""
    found = {}
    for name in before.promises.keys() - after.promises.keys():
        promise = before.promises[name]
        others = (other for other, each in after.promises.items() if not any(weaker(promise, each)))
        if (other := next(others, None)) is not None:
            found[name] = other
    return found


def weaker(before: Promise, after: Promise) -> Iterator[str]:
    """In which respects a contract is weaker than another one."""
    if before.terms.type != after.terms.type:
        yield f"its type was changed from {before.terms.type} to {after.terms.type}"
        return
    for name, direction in _TERMS.items():
        yield from _changed(name, getattr(before.terms, name), getattr(after.terms, name), direction)
    for promise, when in ((before, "as it was"), (after, "as it is")):
        if promise.mistake:
            yield f"its options cannot be compared, {when} they cannot be read: {promise.mistake}"
            return
    for field in fields(before.options):
        demand = (before.weaker or {}).get(field.name)
        was, now = getattr(before.options, field.name), getattr(after.options, field.name)
        yield from _changed(key_of(field), was, now, demand)


def _files(before: FileSettings, after: FileSettings, exempting: bool) -> Iterator[str]:
    left = [path for path in before.paths if not any(_covers(wide, path) for wide in after.paths)]
    if left:
        yield f"paths: {_listed(left)} {'is' if len(left) == 1 else 'are'} no longer analysed"
    yield from _changed("exclude", before.exclude, after.exclude, Weaker.MORE)
    yield from _changed("source-roots", before.source_roots, after.source_roots, None)
    if exempting:
        yield from _changed("test-files", before.test_files, after.test_files, Weaker.MORE)


def _covers(wide: str, path: str) -> bool:
    wide, path = (each.removeprefix("./").rstrip("/") for each in (wide, path))
    return wide in (".", "", path) or path.startswith(f"{wide}/")


def _changed(name: str, was: Any, now: Any, direction: Direction | None) -> Iterator[str]:
    """What of a change makes a contract weaker, in words."""
    name = name.replace("_", "-")
    if was == now:
        return
    if direction is Weaker.MORE_OR_NONE and was and not now:
        yield f"{name} lists nothing any more, which lets everything pass"
    elif direction is Weaker.MORE_OR_NONE and not was:
        return
    elif isinstance(was, (tuple, dict)) and isinstance(direction, Weaker):
        yield from _entries(name, was, now, direction)
    elif isinstance(was, bool) and isinstance(direction, Weaker):
        if now is (direction is not Weaker.LESS):
            yield f"{name} was changed from {_shown(was)} to {_shown(now)}"
    elif direction is Weaker.LESS and not was:
        return
    elif isinstance(direction, tuple) and was in direction and now in direction:
        if direction.index(now) > direction.index(was):
            yield f"{name} was lowered from {_shown(was)} to {_shown(now)}"
    else:
        yield f"{name} was changed from {_shown(was)} to {_shown(now)}"


def _entries(name: str, was: Any, now: Any, direction: Weaker) -> Iterator[str]:
    less = direction is Weaker.LESS
    many, few = (was, now) if less else (now, was)
    odd = [key for key in many if key not in few and not (isinstance(many, dict) and many[key] == ())]
    if odd:
        yield f"{name} {'no longer lists' if less else 'was widened by'} {_listed(odd)}"
    for key in was if isinstance(was, dict) and isinstance(now, dict) else ():
        if key in now:
            yield from _changed(f"{name}.{key}", was[key], now[key], direction if isinstance(was[key], tuple) else None)


def _listed(values: list[Any]) -> str:
    return ", ".join(map(_shown, values))


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
