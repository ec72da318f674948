"""Policy: the configuration may not become weaker than it was where this branch began.

Why: whoever may change a check together with what it judges can make anything pass.
Limits: both configurations are read by the tool as it is installed now; lines that run the gate are compared as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from governance.config_file import line_of
from governance.contract import Binding, Broken, Direction, Report, Violation, Weaker
from governance.contracts.policy import exceptions, gates
from governance.contracts.policy.places import configuration_at
from governance.contracts.policy.promises import Policy, Unreadable, read
from governance.contracts.policy.strength import kept_as, weakenings
from governance.files import Base, Files
from governance.findings import GUARD, Grade
from governance.globs import problem
from governance.index import Index

NAME: Final = GUARD
WEAKER: Final[Mapping[str, Direction]] = {
    "base": Weaker.LESS,
    "gates": Weaker.LESS,
    "commands": Weaker.LESS,
    "presets": Weaker.LESS,
}


@dataclass(frozen=True, slots=True)
class Options:
    """What is compared with, and what else belongs to the gate."""

    base: str = ""
    """The revision of git to compare with when the run is told none; what counts is where this branch began."""
    gates: tuple[str, ...] = (
        ".github/workflows/*.yml",
        ".github/workflows/*.yaml",
        ".github/actions/**/*.yml",
        ".github/actions/**/*.yaml",
        ".gitlab-ci.yml",
        ".pre-commit-config.yaml",
        "prek.toml",
    )
    """Globs of the files that run the scanner."""
    commands: tuple[str, ...] = ("governance", "scan_execution_violations")
    """Regular expressions of which a line of such a file holds one that has to do with the scanner."""
    presets: str = ""
    """The folder of the presets, for the repository that they are made in; they are then those of the base too."""

    def __post_init__(self) -> None:
        for pattern in self.gates:
            if why := problem(pattern):
                raise ValueError(f'gates: "{pattern}" {why}')
        for pattern in self.commands:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f'commands: "{pattern}" is not a regular expression ({error})') from None


def check(index: Index, options: Options) -> Report:
    """Compare the configuration, the suppressions and the files that run the scanner with those of the base."""
    files = index.files
    revision = files.revision or options.base
    if not revision:
        return Report(skipped="not compared: there is no base; give one with --base REV or GOVERNANCE_BASE")
    base = files.base(revision)
    if base is None:
        message = f"git knows no common history with {revision} here (a shallow clone needs its history fetched)"
        return Report(broken=[Broken("base", revision, message, "")])
    try:
        return _compared(files, base, revision)
    except Unreadable as error:
        return Report(broken=[Broken("base", revision, str(error))])


def _compared(files: Files, base: Base, revision: str) -> Report:
    """Raises Unreadable."""
    at = f"{revision} ({base.commit[:12]})" if base.commit else revision
    report = Report(bindings=[Binding("base", at)], sites=1)
    found = configuration_at(base, files.config)
    if found is None:
        report.bindings.append(Binding("base", "it had no configuration, so none of it can have become weaker"))
        return report
    path, content = found
    text = files.read(files.config) or b""
    try:
        before = read(path, content, lambda name: base.read([name]).get(name))
    except Unreadable as error:
        raise Unreadable(f"as it was there, {error}") from error
    after = read(files.config, text, files.read)
    lines = text.decode("utf-8", "replace")
    for each in weakenings(before, after):
        line = line_of(lines, each.contract) if each.contract else 0
        report.violations.append(_violation(each.check, each.text, files.config, line, each.subject))
    report.bindings.extend(Binding("contract", name, path=path) for name in before.promises)
    for where, comment in exceptions.added(files, base, kept_as(before, after)):
        message = f'a suppression of "{comment.contract}" was added: {comment.reason or "without a reason"}'
        report.violations.append(_violation("suppression", message, where, comment.line, comment.contract))
    judge = _judge(before)
    for gate in gates.lines(base, judge.gates, judge.commands):
        report.bindings.append(Binding("gate", gate.text, path=gate.path))
    report.violations.extend(_gates(files, base, judge))
    return Report(report.violations, report.bindings, report.broken, len(report.bindings))


def _judge(before: Policy) -> Options:
    """The options of this type that held at the base: a change does not choose its judge."""
    held = (each.options for each in before.promises.values() if isinstance(each.options, Options))
    return next(held, Options())


def _gates(files: Files, base: Base, judge: Options) -> Iterator[Violation]:
    for change in gates.changes(files, base, judge.gates, judge.commands):
        yield _violation("gate", change.text, change.path, 0, change.subject)


def _violation(check: str, message: str, path: str, line: int, subject: str) -> Violation:
    return Violation(check, message, Grade.DEFINITE, path=path, line=line, subject=subject)
