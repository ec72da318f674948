"""The contract model: what a contract type receives and what it answers.

A contract type is one module of `governance.contracts` with

    NAME: str                  the identity, e.g. "confined-call"
    Options                    a frozen dataclass; its fields are the TOML keys of an instance, their types the check
    check(index, options)      -> Report; a pure function over the index

`config` builds Options from TOML (str, bool, int, tuple[str, ...], dict[str, str], dict[str, tuple[str, ...]] fields;
a field without default is required) and refuses unknown keys. `WEAKER`, optional, says for each field which change of
it makes the contract weaker. Symbols are written `pkg.mod:Class.method`; a leading `+` in front takes subclasses and
overrides along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TypeAlias

from governance.findings import Grade

Ref: TypeAlias = "tuple[str, int]"
"""(module name, node number)."""


@dataclass(frozen=True, slots=True)
class Trail:
    """One step of a chain before its place is known."""

    text: str
    ref: Ref | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A finding before its place is known. Exactly one of `ref` (a node) and `path` (a file) is set.

    line: with `path`, the line that is meant, 0 for the whole file.
    name: the finding is about the name that is bound to the node, and has its place.
    message: one line, says what happens and where ("plugin.run() is called in retry_job"), names no remedy.
    """

    check: str
    message: str
    grade: Grade
    ref: Ref | None = None
    path: str = ""
    chain: tuple[Trail, ...] = ()
    subject: str = ""
    name: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Binding:
    """One site the contract holds on to: shown by `governance contracts --bindings`, and proof that it is not vacuous.

    role: e.g. "confined", "allowed", "call site", "runner", "member".
    """

    role: str
    text: str
    ref: Ref | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class Broken:
    """An anchor that names nothing in the project: the contract is broken whatever the code says."""

    option: str
    symbol: str
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of one contract. `sites` counts the places that were examined (0 with no violation = vacuous)."""

    violations: list[Violation] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    sites: int = 0
    skipped: str = ""
    """Why there was nothing to be asked in this run, which is no fault: shown, and neither kept nor broken."""


class Weaker(Enum):
    """Which change of an option makes a contract weaker; without a word about an option, any change does.

    A tuple of words instead of one of these: the values of the option from strict to lax.
    """

    MORE = auto()
    """More entries, true instead of false: what is listed is let off."""
    LESS = auto()
    """Fewer entries, false instead of true, another text: what is listed is demanded."""
    MORE_OR_NONE = auto()
    """More entries, or none at all, which lets everything pass."""


Direction: TypeAlias = "Weaker | tuple[str, ...]"
