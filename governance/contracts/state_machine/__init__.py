"""State machine: a state attribute is moved along its table only, and only by those who own it.

Why: a state that is skipped, reopened or set by a bystander is lost work or work that is done twice.
Limits: an object that comes from outside can be in any state; two tasks that race are seen at an `await` only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from governance.contract import Binding, Broken, Direction, Ref, Report, Violation, Weaker
from governance.contracts.state_machine.table import compare
from governance.contracts.state_machine.wording import where, words
from governance.findings import Grade
from governance.index import Index
from governance.index.project import ScopeId
from governance.index.values import ClassId
from governance.paths import contexts, enum_members
from governance.paths.known import Write
from governance.paths.state_values import StateValues
from governance.paths.typestate import Typestate

NAME: Final = "state-machine"
WEAKER: Final[Mapping[str, Direction]] = {
    "transitions": Weaker.MORE,
    "initial": Weaker.MORE,
    "enum": Weaker.LESS,
    "owners": Weaker.MORE_OR_NONE,
    "table": Weaker.LESS,
    "unguarded": ("probable", "possible"),
}


@dataclass(frozen=True, slots=True)
class Options:
    """The attribute, its table and its owners."""

    attribute: str
    """The attribute that holds the state, `pkg.mod:Class.attr`; subclasses are taken along."""
    transitions: dict[str, tuple[str, ...]]
    """For every state the states it may move to; a terminal state has an empty list."""
    initial: tuple[str, ...]
    """The states a new object may be in."""
    enum: tuple[str, ...] = ()
    """The enumerations that name the states, `pkg.mod:Enum`; without one, states are strings."""
    owners: tuple[str, ...] = ()
    """Functions, classes or modules that may write the attribute; nobody else may. Empty: everybody may."""
    table: str = ""
    """The table the program itself uses, `pkg.mod:NAME`: it must say the same as `transitions`."""
    unguarded: Literal["possible", "probable"] = "possible"
    """The grade of a move that no guard precedes: the object may be in any state."""

    def __post_init__(self) -> None:
        states = set(self.transitions)
        for state, targets in self.transitions.items():
            unknown = [each for each in targets if each not in states]
            if unknown:
                raise ValueError(
                    f"transitions.{state} names {unknown[0]}, which has no entry of its own (terminal: [])"
                )
        for each in self.initial:
            if each not in states:
                raise ValueError(f"initial names {each}, which is no state of transitions")


def check(index: Index, options: Options) -> Report:
    """Follow every function that writes the attribute."""
    report = Report()
    owner, attribute = _attribute(index, options, report)
    enums = frozenset(scope for symbol in options.enum if (scope := _anchor(index, "enum", symbol, report)))
    owners = [scope for symbol in options.owners if (scope := _anchor(index, "owners", symbol, report))]
    if owner is None:
        return report
    classes = frozenset(index.subclasses(owner))
    values = StateValues(index, enums, options.transitions, frozenset(options.initial))
    if options.table:
        compare(index, options.table, values, report)
    report.violations.extend(_members(index, values))
    typestate = Typestate(index, attribute, classes, values)
    for cls in sorted(classes):
        default = _default(index, cls, attribute, values) if cls == owner or _replaces(index, cls, attribute) else None
        if default is not None and not default[0] <= values.initial:
            starts, wanted = words(default[0]), words(values.initial)
            message = f"{index.project.qualname(cls)}.{attribute} starts as {starts}, not as {wanted}"
            report.violations.append(Violation("initial", message, Grade.DEFINITE, default[1], subject=attribute))
    sites = 0
    for write in contexts.writes(typestate, _writers(index, attribute, classes)):
        sites += 1
        report.bindings.append(Binding("write", where(index, write.ref), write.ref))
        report.violations.extend(_judged(index, options, values, attribute, write))
        if owners and not write.fresh and not write.through and not _owned(index, write.ref, owners):
            text = f"{attribute} is written in {where(index, write.ref)}, which does not own it"
            report.violations.append(Violation("foreign-writer", text, Grade.DEFINITE, write.ref, subject=attribute))
    return Report(report.violations, report.bindings, report.broken, sites)


def _attribute(index: Index, options: Options, report: Report) -> tuple[ClassId | None, str]:
    symbol, _, attribute = options.attribute.rpartition(".")
    scope = index.find(symbol) if symbol else None
    if scope is None or index.project.scope(scope).kind != "class":
        message = f"the class of the attribute {options.attribute} names nothing in this project"
        report.broken.append(Broken("attribute", options.attribute, message, index.suggest(symbol or attribute)))
        return None, attribute
    if not index.project.attr_stores(attribute) and not _has(index, scope, attribute):
        message = f"{index.project.qualname(scope)} has no attribute {attribute}"
        report.broken.append(Broken("attribute", options.attribute, message))
        return None, attribute
    report.bindings.append(Binding("attribute", options.attribute, index.project.definition(scope)))
    return scope, attribute


def _has(index: Index, cls: ClassId, attribute: str) -> bool:
    return index.classes.lookup(cls, attribute) is not None or index.classes.annotation(cls, attribute) is not None


def _anchor(index: Index, option: str, symbol: str, report: Report) -> ScopeId | None:
    scope = index.find(symbol)
    if scope is None:
        message = f"{symbol} names nothing in this project"
        report.broken.append(Broken(option, symbol, message, index.suggest(symbol)))
    else:
        report.bindings.append(Binding(option, index.project.symbol(scope), index.project.definition(scope)))
    return scope


def _default(index: Index, cls: ClassId, attribute: str, values: StateValues) -> tuple[frozenset[str], Ref] | None:
    """The state the class body gives new objects."""
    found = index.classes.lookup(cls, attribute)
    for ref in found[1] if found else ():
        node = index.project.node(ref)
        value = (ref[0], node[2]) if node[0] == "annotated" else ref
        states = values.of(value) if value[1] >= 0 else None
        if states is not None:
            return states, ref
    return None


def _members(index: Index, values: StateValues) -> Iterator[Violation]:
    """Members of the enumerations that the table does not know."""
    for enum in sorted(values.enums):
        written = enum_members.members(index, enum)
        if not index.is_enum(enum):  # a plain class holds other constants, too: one like a state is meant as one
            kinds = {type(enum_members.constant(index, ref)) for name, ref in written.items() if name in values.states}
            written = {
                name: ref
                for name, ref in written.items()
                if type(enum_members.constant(index, ref)) in kinds - {type(None)}
            }
        for name, ref in written.items():
            if values.member(enum, name) not in values.states:
                text = f"{index.project.qualname(enum)}.{name} is no state of the table"
                yield Violation("unknown-state", text, Grade.DEFINITE, ref, subject=name)


def _replaces(index: Index, cls: ClassId, attribute: str) -> bool:
    """Whether the body of a subclass says in what state its objects start: no constructor of a base has its say."""
    if attribute not in index.project.scope(cls).bindings:
        return False
    line = index.mro(cls)
    writers = {index.project.owner(store) for store in index.project.attr_stores(attribute)}
    stored = any(
        index.project.scope(each).name == "__init__" and index.project.owning_class(each) in line for each in writers
    )
    written = any(index.classes.is_dataclass(each) for each in line)
    return not stored and (index.classes.is_dataclass(cls) or not written)


def _writers(index: Index, attribute: str, classes: frozenset[ClassId]) -> Iterator[ScopeId]:
    """Functions in which something may write the attribute, each once."""
    project = index.project
    refs = [*project.attr_stores(attribute), *project.attr_stores("__dict__")]
    for name in ("setattr", "__setattr__", "model_copy"):
        refs += project.calls(name)
    refs += [*project.item_stores("__dict__"), *project.item_stores("vars")]
    for ref in project.calls("update"):
        callee = project.node((ref[0], project.node(ref)[1]))
        if callee[0] == "attr" and project.last_name((ref[0], callee[1])) in ("__dict__", "vars"):
            refs.append(ref)
    for ref in project.all_calls:
        if any(key == attribute for key, _ in project.node(ref)[3]):
            refs.append(ref)
    refs += [ref for ref in project.calls("__init__") if project.owning_class(project.owner(ref)) in classes]
    for cls in sorted(classes):
        name = project.scope(cls).name
        for each in (name, *project.aliases.get(name, ())):
            refs += project.calls(each)
    yield from dict.fromkeys(project.owner(ref) for ref in refs)


def _judged(index: Index, options: Options, values: StateValues, attribute: str, write: Write) -> Iterator[Violation]:
    place = where(index, write.ref)
    if write.after is None:
        if not write.allowed and not write.fresh:
            text = f"{attribute} becomes something in {place} that is not known"
            yield Violation("unknown-state", text, Grade.UNRESOLVED, write.ref, subject=attribute)
        return
    strange = write.after - values.states
    if strange:
        text = f"{attribute} becomes {words(strange)} in {place}, which is no state of the table"
        yield Violation("unknown-state", text, Grade.DEFINITE, write.ref, subject=words(strange))
        return
    if write.fresh:
        wrong = write.after - values.initial
        if wrong:
            text = f"a new object starts as {words(wrong)} in {place}, not as {words(values.initial)}"
            yield Violation("initial", text, Grade.DEFINITE, write.ref, subject=words(wrong))
        return
    if write.allowed:
        return
    yield from _moved(options, values, attribute, write, place)


def _moved(options: Options, values: StateValues, attribute: str, write: Write, place: str) -> Iterator[Violation]:
    before = values.states if write.before is None else write.before & values.states
    pairs = [(one, to) for one in sorted(before) for to in sorted(write.after or ())]
    illegal = [(one, to) for one, to in pairs if to not in options.transitions.get(one, ())]
    if not illegal:
        return
    shown = ", ".join(f"{one} -> {to}" for one, to in illegal[:4])
    if len(illegal) == len(pairs):
        grade, word = Grade.DEFINITE, "moves"
    elif write.before is None:
        grade, word = Grade[options.unguarded.upper()], "may move, as nothing checks the state before it,"
    else:
        grade, word = Grade.PROBABLE, "may move"
    if write.switched:
        grade, word = min(grade, Grade.POSSIBLE), "may move, if another task has changed it meanwhile,"
    text = f"{attribute} {word} along {shown} in {place}, which is not in the table"
    yield Violation("illegal-transition", text, grade, write.ref, subject=shown)


def _owned(index: Index, ref: Ref, owners: list[ScopeId]) -> bool:
    return any(scope in owners for scope in index.project.enclosing(index.project.owner(ref)))
