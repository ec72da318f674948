"""Suppressions: comments that take one contract's findings away from one line, each with a reason.

    plugin.run(sample)  # governance: except[only-runner-runs-plugins] warm-up, decision 7

The comment stands on the first or last line of what was found, or alone on the line above it. A comment without a
reason, for an unknown contract, or that takes nothing away, is a finding itself.
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from governance.findings import GUARD, Finding, Grade, Place, Span

NAME: Final = "suppressions"
"""The contract under which findings about suppressions themselves are reported."""
_MARK: Final = re.compile(r"#\s*governance\s*:")
_FORM: Final = re.compile(r"#\s*governance\s*:\s*except\[\s*([a-z0-9-]+)\s*\]\s*(.*)")


@dataclass(frozen=True, slots=True)
class Suppression:
    """One comment. contract: "" if the comment is not written as it must be; alone: nothing else is on its line."""

    line: int
    column: int
    end_column: int
    contract: str
    reason: str
    alone: bool

    def to_json(self) -> list[Any]:
        """Plain data; `Suppression(*data)` restores it."""
        return [self.line, self.column, self.end_column, self.contract, self.reason, self.alone]


class Unreadable(Exception):
    """The comments of a file cannot be told from its other text."""


def find(source: bytes) -> list[Suppression]:
    """All suppression comments of a file. Raises Unreadable."""
    if b"governance" not in source:
        return []
    found = []
    # A lone carriage return ends a line for Python, but not for `tokenize`.
    text = io.BytesIO(source.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
    try:
        for token in tokenize.tokenize(text.readline):
            if token.type == tokenize.COMMENT and _MARK.match(token.string):
                form = _FORM.match(token.string)
                contract, reason = (form[1], form[2].strip()) if form else ("", "")
                alone = not token.line[: token.start[1]].strip()
                row, column = token.start
                found.append(Suppression(row, column + 1, token.end[1] + 1, contract, reason, alone))
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise Unreadable(str(error)) from error
    return found


@dataclass(slots=True)
class Applied:
    """Findings that remain, findings about the comments themselves, and how many each contract lost."""

    findings: list[Finding] = field(default_factory=list)
    taken: dict[str, int] = field(default_factory=dict)


def apply(
    findings: Iterable[Finding],
    suppressions: dict[str, list[Suppression]],
    known: frozenset[str],
    undecided: frozenset[str],
) -> Applied:
    """Take away what is suppressed; `suppressions` is by path. Comments for `undecided` contracts (those that could
    not be evaluated or are switched off) are left alone."""
    findings = list(findings)
    guards = {finding.contract for finding in findings if finding.type == GUARD}
    applied = Applied()
    used: set[tuple[str, int, str]] = set()
    for finding in findings:
        comment = _covering(finding, suppressions.get(finding.place.path, []))
        if comment is None:
            applied.findings.append(finding)
        else:
            used.add((finding.place.path, comment.line, comment.contract))
            applied.taken[finding.contract] = applied.taken.get(finding.contract, 0) + 1
    for path, comments in suppressions.items():
        for comment in comments:
            if comment.contract in undecided or (path, comment.line, comment.contract) in used:
                continue
            applied.findings.append(_about(path, comment, known, guards))
    return applied


def _covering(finding: Finding, comments: list[Suppression]) -> Suppression | None:
    if finding.type == GUARD:
        return None
    span = finding.place.span
    alone = {comment.line for comment in comments if comment.alone}
    above = span.line - 1
    lines = {span.line, span.end_line}
    while above in alone:
        lines.add(above)
        above -= 1
    for comment in comments:
        on_line = comment.line in lines and (not comment.alone or comment.line < span.line)
        if on_line and comment.contract == finding.contract and comment.reason:
            return comment
    return None


def _about(path: str, comment: Suppression, known: frozenset[str], guards: set[str]) -> Finding:
    form = "# governance: except[contract-id] reason"
    if not comment.contract:
        check, message, instead = "form", "this comment is not a suppression", f"write {form}"
    elif comment.contract not in known:
        check, message = "unknown-contract", f'no contract has the id "{comment.contract}"'
        instead = "correct the id or delete the comment"
    elif comment.contract in guards:
        check, message = "not-suppressible", f'what "{comment.contract}" finds cannot be suppressed'
        instead = "delete the comment"
    elif not comment.reason:
        check, message, instead = "no-reason", "a suppression needs a reason", f"write {form}"
    else:
        check, message = "unused", f'"{comment.contract}" finds nothing here'
        instead = "delete the comment"
    place = Place(path, Span(comment.line, comment.column, comment.line, comment.end_column))
    because = "an exception that nobody can explain, or that excepts nothing, hides the next real finding"
    return Finding(NAME, NAME, check, place, "", message, Grade.DEFINITE, True, because, instead, (), comment.contract)
