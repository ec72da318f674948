"""Must call: on every way out of a function, exceptional ones included, a certain call has been made.

Why: what is recorded only where things go well, or only where somebody thought of it, is wrong exactly when it matters.
Limits: signals between two operations, `os._exit` and a killed process are outside of every static guarantee.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from governance.contract import Binding, Broken, Direction, Ref, Report, Trail, Violation, Weaker
from governance.findings import Grade
from governance.index.values import ClassId, FunctionId
from governance.paths import coverage
from governance.paths import escapes as ways
from governance.paths.automaton import automaton
from governance.paths.engine import Engine, TooComplex
from governance.paths.escapes import Escape
from governance.paths.frames import Work, asked
from governance.paths.outcomes import PROBABLE, UNRESOLVED
from governance.paths.runs import NESTING, SHALLOW
from governance.paths.sought import Sought, sought

if TYPE_CHECKING:
    from governance.index import Index

NAME: Final = "must-call"
WEAKER: Final[Mapping[str, Direction]] = {
    "function": Weaker.LESS,
    "call": Weaker.MORE,
    "once": Weaker.LESS,
    "each": Weaker.LESS,
    "assume_safe": Weaker.MORE,
}


@dataclass(frozen=True, slots=True)
class Options:
    """function: who must make the call. call: what must be called. trigger: the call after which (or before, or around
    which) it is demanded; without it, it is demanded always. once: calling twice is wrong. each: every trigger needs a
    call of its own. assume_safe: patterns of external calls that are taken not to raise."""

    function: tuple[str, ...]
    call: tuple[str, ...]
    trigger: tuple[str, ...] = ()
    mode: Literal["finally", "after", "every-exit", "before", "around"] = "finally"
    once: bool = False
    each: bool = False
    assume_safe: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.mode in ("after", "before", "around") and not self.trigger:
            raise ValueError(f'mode = "{self.mode}" needs trigger: the call that the other one is demanded {self.mode}')
        for name in ("function", "call"):
            if not getattr(self, name):
                raise ValueError(f"{name} names nothing")


@dataclass(frozen=True, slots=True)
class _Question:
    """One function and everything that is asked about it."""

    index: Index
    options: Options
    function: FunctionId
    receiver: ClassId | None
    trigger: Sought
    duty: Sought

    @property
    def work(self) -> Work:
        return asked(self.function, self.receiver)

    def engine(self, trusting: bool = True, suspicion: int = UNRESOLVED, coarse: bool = False) -> Engine:
        options = self.options
        table = automaton(options.mode, bool(options.trigger), options.once, options.each)
        return Engine(self.index, self.trigger, self.duty, table, options.assume_safe, trusting, suspicion, coarse)

    @property
    def wanted(self) -> str:
        """The call, in the words of a message."""
        return " or ".join(_short(symbol) for symbol in self.options.call)

    @property
    def name(self) -> str:
        return self.index.project.qualname(self.function)


def check(index: Index, options: Options) -> Report:
    """Follow every path of each function."""
    report = Report()
    trigger, no_trigger = sought(index, options.trigger)
    duty, no_duty = sought(index, options.call)
    owners = _owners(index, options, report)
    for option, missing in (("call", no_duty), ("trigger", no_trigger)):
        for symbol in missing:
            message = "names nothing in this project, and nothing here calls it"
            report.broken.append(Broken(option, symbol, message, index.suggest(symbol.removeprefix("+"))))
    if report.broken:
        return report
    sites = 0
    for function, receiver in owners.items():
        sites += _ask(_Question(index, options, function, receiver, trigger, duty), report)
    return Report(report.violations, report.bindings, report.broken, sites)


def _owners(index: Index, options: Options, report: Report) -> dict[FunctionId, ClassId | None]:
    owners: dict[FunctionId, ClassId | None] = {}
    for written in options.function:
        symbol = written.removeprefix("+")
        found = index.find(symbol)
        if found is None or index.project.scope(found).kind != "function":
            what = "names nothing in this project" if found is None else "is no function"
            report.broken.append(Broken("function", written, what, index.suggest(symbol)))
            continue
        outer, dot, _ = symbol.rpartition(".")
        cls = index.find(outer) if dot else None
        is_class = cls is not None and index.project.scope(cls).kind == "class"
        owners[found] = cls if is_class else None
        if written != symbol:
            for override in sorted(index.overrides(found) - {found}):
                owners[override] = index.project.owning_class(override)
    return owners


def _ask(question: _Question, report: Report) -> int:
    """Add what is to be said about one function; answers how many places were examined."""
    engine, found = question.engine(), None
    for coarse, nesting in ((False, NESTING), (False, SHALLOW), (True, SHALLOW)):
        try:
            engine, found = _followed(question, coarse, nesting)
        except TooComplex:
            continue
        break
    if found is None:
        ref = (question.function[0], question.index.project.scope(question.function).node)
        message = f"{question.name} has too many paths to be proven: split it"
        report.violations.append(Violation("unproven", message, Grade.PROBABLE, ref, subject="paths"))
        return 1
    for escape in found:
        report.violations.append(_violation(question, escape))
    if question.options.mode not in ("before", "around"):
        report.violations.extend(_detached(question, ref) for ref in engine.detached)
    if not found:
        report.violations.extend(_untrusted(question, engine) or _too_deep(question, engine))
    if question.options.mode == "finally" and engine.duties and not any(each.grade >= PROBABLE for each in found):
        report.violations.extend(_outside_finally(question, engine))
    _bind(question, engine, report)
    always = question.options.mode == "every-exit" or not question.options.trigger
    return max(len(engine.sites), 1 if always else 0)


def _followed(question: _Question, coarse: bool, nesting: int) -> tuple[Engine, list[Escape] | None]:
    engine = question.engine(coarse=coarse)
    engine.nesting = nesting
    found = _escapes(question, engine)
    if engine.sites and all(site.assumed for site in engine.sites.values()):
        # Somebody said that this function makes the call, and there is no other place where it could.
        engine = question.engine(suspicion=PROBABLE, coarse=coarse)
        engine.nesting = nesting
        found = _escapes(question, engine)
    return engine, found


def _escapes(question: _Question, engine: Engine) -> list[Escape]:
    return ways.escapes(engine, question.function, engine.outcomes(question.work))


def _detached(question: _Question, ref: Ref) -> Violation:
    text = question.index.project.text(ref)
    message = f"{text} in {question.name} starts what nobody waits for: it may run after {question.wanted}"
    return Violation("detached", message, Grade.PROBABLE, ref, subject=text)


def _untrusted(question: _Question, engine: Engine) -> list[Violation]:
    """Whether the proof rests on calls whose receiver is not known."""
    if not any(duty.assumed for duty in engine.duties.values()):
        return []
    if _holds_without(question, engine):
        return []
    return [
        Violation(
            "unproven",
            f"{question.index.project.text(ref)} in {question.name} is taken for {question.wanted}: "
            "its receiver is not known",
            Grade.UNRESOLVED, ref, subject=question.wanted,
            chain=(Trail(question.index.unresolved(_receiver_of(question.index, ref)), ref),),
        )
        for ref, duty in sorted(engine.duties.items())
        if duty.assumed
    ]  # fmt: skip


def _too_deep(question: _Question, engine: Engine) -> list[Violation]:
    """What was not followed although it may have to do with the promise."""
    return [
        Violation(
            "unproven",
            f"{question.index.project.qualname(function)} is called too deep below {question.name} to be followed",
            Grade.UNRESOLVED, (function[0], question.index.project.scope(function).node), subject=question.wanted,
        )
        for function in engine.unfollowed
    ]  # fmt: skip


def _holds_without(question: _Question, engine: Engine) -> bool:
    """Whether the promise is kept by what is known alone; if there are too many paths to tell, it is not."""
    strict = question.engine(trusting=False, suspicion=engine.suspicion, coarse=engine.coarse)
    strict.nesting = engine.nesting
    try:
        return not any(each.grade >= PROBABLE for each in _escapes(question, strict))
    except TooComplex:
        return False


def _receiver_of(index: Index, call: Ref) -> Ref:
    node = index.project.node(call)
    callee = index.project.node((call[0], node[1])) if node[0] == "call" else node
    return (call[0], callee[1]) if callee[0] == "attr" else call


def _outside_finally(question: _Question, engine: Engine) -> list[Violation]:
    if question.options.trigger:
        refs = sorted(set(coverage.uncovered(engine, question.work)))
        text = "is not inside a try whose finally calls"
    else:
        covered = coverage.has_finally(engine, question.work)
        refs = [] if covered else [(question.function[0], question.index.project.scope(question.function).node)]
        text = "has no finally that calls"
    return [
        Violation(
            "not-in-finally",
            f"{question.index.project.text(ref)} {text} {question.wanted}",
            Grade.DEFINITE, ref, subject=question.wanted,
        )
        for ref in refs
    ]  # fmt: skip


def _violation(question: _Question, escape: Escape) -> Violation:
    chain = tuple(Trail(event.text, event.ref if event.ref[1] >= 0 else None) for event in escape.trail)
    subject = f"{question.wanted} {escape.turn.text if escape.turn else ''}".strip()
    return Violation(escape.check, _message(question, escape), Grade(escape.grade), escape.at, "", chain, subject)


def _message(question: _Question, escape: Escape) -> str:
    name, wanted = question.name, question.wanted
    turn = escape.turn.text if escape.turn else ""
    trigger = question.index.project.text(escape.trigger) if escape.trigger else ""
    without = f"{name} can be left without {wanted}"
    if trigger:
        without += f" after {trigger}"
    leaving = f", left by {escape.leaves}" if escape.leaves not in ("", "return") else ""
    messages = {
        ways.MISSING: f"{name} never calls {wanted}" + (f" after {trigger}" if trigger else ""),
        ways.CONDITIONAL: f"{without}: {turn}{leaving}",
        ways.LOOP: f"{without}: {turn}{leaving}",
        ways.RETURN: f"{without}: " + ("it returns first" if escape.leaves else "nothing on this path calls it"),
        ways.EXCEPTION: f"{without}: {_raising(turn)}{leaving or ', and the exception is swallowed'}",
        ways.BEFORE: f"{without}: {_raising(turn)} in the cleanup before it{leaving}",
        ways.UNAWAITED: f"{without}: {turn}",
        ways.ABANDONED: f"{without}: {turn}",
        ways.CALLED_TWICE: f"{name} can call {wanted} twice: {turn} again",
        ways.NOT_EACH: f"{name} can reach {trigger} again before {wanted} has been called for the last time",
        ways.NOT_BEFORE: f"{name} can reach {trigger} without {wanted} " + (
            "around it" if question.options.mode == "around" else "before it"
        ),
    }  # fmt: skip
    return messages[escape.check]


def _raising(turn: str) -> str:
    return "an exception is raised" if turn in ("", "raise") else f"{turn} may raise"


def _bind(question: _Question, engine: Engine, report: Report) -> None:
    function = question.function
    definition = (function[0], question.index.project.scope(function).node)
    report.bindings.append(Binding("function", question.index.project.symbol(function), definition))
    for role, places in (("trigger", engine.sites), ("call", engine.duties)):
        for ref in sorted(places):
            report.bindings.append(Binding(role, question.index.project.text(ref), ref))


def _short(symbol: str) -> str:
    """`Class.method`, or `module.function`."""
    module, _, name = symbol.removeprefix("+").partition(":")
    if "." in name:
        return name
    return ".".join([*module.split(".")[-1 if name else -2 :], *([name] if name else [])])
