"""`match`: the test of each case, and what its captures are bound to."""

from __future__ import annotations

from typing import Any

import libcst as cst

from governance.extract import conditions
from governance.extract.bound_names import dotted
from governance.extract.environment import Env, join
from governance.extract.walk import Walk, name_of

_WHOLE = frozenset({"bool", "bytearray", "bytes", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"})
"""Classes whose single positional pattern is about the subject itself."""


def match(walk: Walk, node: cst.Match) -> None:
    """A whole `match` statement."""
    at = walk.at("match")
    subject = walk.expr(node.subject)
    keys = [dotted(node.subject.target if isinstance(node.subject, cst.NamedExpr) else node.subject)]
    keys = [key for key in keys if key]
    cases: list[Any] = []
    ends: list[Env] = []
    missed: list[tuple[int, bool]] = []
    for case in node.cases:
        walk.place = case
        test = walk.add(["matches", subject, None])
        unmatched = walk.env
        start = len(walk.log)
        walk.env = Env(unmatched)
        guard_block, outer = walk.collect()
        named = isinstance(case.pattern, cst.MatchAs) and case.pattern.name is not None
        held = walk.after_tests(subject, missed) if named else subject
        walk.nodes[test][2] = Pattern(walk).read(case.pattern, held, test)
        failed = walk.narrowed(unmatched, keys, test, False)
        captured = [name for name, _ in walk.log[start:]]
        walk.env = walk.narrowed(walk.env, [key for key in keys if not conditions.touches(captured, key)], test, True)
        if _irrefutable(case.pattern):
            failed = Env(failed, live=False)
        guard = -1
        if case.guard is not None:
            guard, true, false = conditions.condition(walk, case.guard)
            walk.env = Env(true)
            failed = join((failed, false), walk.scope.outside)
            stored = [name for name, _ in walk.log[start:]]
            keys = [key for key in keys if not conditions.touches(stored, key)]
        else:
            missed.append((test, False))
        walk.resume(outer)
        block, outer = walk.collect()
        walk.block(case.body)
        walk.resume(outer)
        cases.append([test, guard_block, guard, block])
        ends.append(walk.env)
        walk.env = failed
    exhaustive = not walk.env.live
    walk.steps.append(["match", at, subject, cases, exhaustive])
    walk.env = join((*ends, walk.env), walk.scope.outside)


def _irrefutable(pattern: Any) -> bool:
    if isinstance(pattern, cst.MatchAs):
        return pattern.pattern is None or _irrefutable(pattern.pattern)
    return isinstance(pattern, cst.MatchOr) and _irrefutable(pattern.patterns[-1].pattern)


class Pattern:
    """Reads one pattern; what a class, sequence or mapping pattern looks at becomes nodes with their steps."""

    def __init__(self, walk: Walk) -> None:
        self.walk = walk

    def read(self, node: Any, subject: int, test: int) -> list[Any]:
        """The pattern as data. `test` is the `matches` node that says the subject matched, -1 if there is none yet."""
        walk = self.walk
        if isinstance(node, cst.MatchValue):
            return ["value", walk.expr(node.value)]
        if isinstance(node, cst.MatchSingleton):
            return ["value", walk.expr(node.value)]
        if isinstance(node, cst.MatchAs):
            return self._capture(node, subject, test)
        if isinstance(node, cst.MatchOr):
            return self._either(node, subject, test)
        if isinstance(node, cst.MatchClass):
            return self._class(node, subject, test)
        if isinstance(node, cst.MatchMapping):
            return self._mapping(node, subject)
        return self._sequence(node, subject)

    def _narrow(self, subject: int, test: int) -> int:
        return subject if test < 0 else self.walk.add(["narrow", subject, test, True])

    def _capture(self, node: cst.MatchAs, subject: int, test: int) -> list[Any]:
        inner = None
        value = subject
        if node.pattern is not None:
            if test < 0 and node.name is not None:
                test = self.walk.add(["matches", subject, None])
                inner = self.walk.nodes[test][2] = self.read(node.pattern, subject, test)
            else:
                inner = self.read(node.pattern, subject, test)
            if node.name is not None:
                value = self._narrow(subject, test)
        if node.name is not None:
            self.walk.bind(name_of(node.name), value)
        return ["capture", inner]

    def _either(self, node: cst.MatchOr, subject: int, test: int) -> list[Any]:
        walk = self.walk
        subs = []
        start = walk.env
        ends: list[Env] = []
        for element in node.patterns:
            walk.env = Env(start)
            subs.append(self.read(element.pattern, subject, -1))
            ends.append(walk.env)
        walk.env = join(ends, walk.scope.outside)
        return ["or", subs]

    def _class(self, node: cst.MatchClass, subject: int, test: int) -> list[Any]:
        walk = self.walk
        kind = walk.expr(node.cls)
        positional, keywords = [], []
        matched = subject
        if (node.patterns or node.kwds) and test >= 0:
            matched = self._narrow(subject, test)
        for position, element in enumerate(node.patterns):
            walk.place = element
            whole = len(node.patterns) == 1 and walk.nodes[kind][0] == "free" and walk.nodes[kind][1] in _WHOLE
            part = matched
            if not whole:
                part = walk.add(["attr", matched, str(position)])
                walk.steps.append(["attr", part])
            positional.append(self.read(element.value, part, -1))
        for keyword in node.kwds:
            walk.place = keyword.key
            name = name_of(keyword.key)
            part = walk.add(["attr", matched, name])
            walk.steps.append(["attr", part])
            keywords.append([name, self.read(keyword.pattern, part, -1)])
        return ["class", kind, positional, keywords]

    def _mapping(self, node: cst.MatchMapping, subject: int) -> list[Any]:
        walk = self.walk
        items = []
        for element in node.elements:
            key = walk.expr(element.key)
            walk.place = element
            part = walk.add(["sub", subject, key])
            walk.steps.append(["sub", part])
            items.append([key, self.read(element.pattern, part, -1)])
        if node.rest is not None:
            walk.bind(name_of(node.rest), subject)
        return ["mapping", items]

    def _sequence(self, node: Any, subject: int) -> list[Any]:
        walk = self.walk
        elements = list(node.patterns)
        starred = next((i for i, one in enumerate(elements) if isinstance(one, cst.MatchStar)), len(elements))
        subs: list[Any] = []
        for position, element in enumerate(elements):
            index = position if position <= starred else position - len(elements)
            walk.place = element
            if position == starred:
                if element.name is not None:
                    walk.bind(name_of(element.name), walk.add(["unpack", subject, index, True]))
                subs.append(["star"])
            else:
                part = walk.add(["unpack", subject, index, False])
                subs.append(self.read(element.value, part, -1))
        return ["sequence", subs]
