"""Handling: what must be called, what must not leave a function, and whether it can end without an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from governance.contract import Broken, Ref, Report, Trail, Violation
from governance.facts import Block, Node, Step
from governance.findings import Grade
from governance.index import Index
from governance.index.values import FunctionId
from governance.paths.abstract import NOTHING
from governance.paths.automaton import Automaton
from governance.paths.engine import Engine, Summary, TooComplex
from governance.paths.exceptions import MUST, NO, Exceptions
from governance.paths.frames import Frame, Work, asked
from governance.paths.layers import Layers
from governance.paths.natures import is_abstract
from governance.paths.outcomes import Kind, Path
from governance.paths.reach import Reach
from governance.paths.sought import Sought, sought
from governance.paths.targets import RAISES, RUN, SAFE, Target
from governance.paths.tracked import blocks

_HELPERS: Final = 3
_PLAIN: Final = Automaton("", {}, frozenset(), frozenset())
_BROAD: Final = frozenset((("builtin", "Exception"), ("builtin", "BaseException")))


@dataclass(frozen=True, slots=True)
class Duties:
    """What the configuration asks for, resolved. handles: the classes as written, with their kinds."""

    calls: tuple[tuple[str, Sought], ...]
    handlers_call: tuple[str, Sought]
    handles: tuple[tuple[str, Kind], ...]


def duties(
    index: Index, calls: tuple[str, ...], handlers_call: tuple[str, ...], handles: tuple[str, ...], report: Report
) -> Duties:
    """Resolve the symbols; those that name nothing are broken anchors."""

    def resolved(option: str, symbols: tuple[str, ...]) -> Sought:
        found, missing = sought(index, symbols)
        for each in missing:
            report.broken.append(Broken(option, each, f"{each} names nothing in this project", index.suggest(each)))
        return found

    kinds: list[tuple[str, Kind]] = []
    for name in handles:
        kind = exception_named(index, name)
        if kind is None:
            message = f"{name} names no exception class"
            report.broken.append(Broken("handles", name, message, index.suggest(name)))
        else:
            kinds.append((name, kind))
    each_call = tuple((each, resolved("calls", (each,))) for each in calls)
    last = ", ".join(each.replace(":", ".").rpartition(".")[2] for each in handlers_call)
    return Duties(each_call, (last, resolved("handlers-call", handlers_call)), tuple(kinds))


def exception_named(index: Index, name: str) -> Kind | None:
    """The exception class a name of the configuration stands for: a builtin, or a symbol of the project."""
    exceptions = Exceptions(index)
    scope = index.find(name)
    if scope is not None and index.project.scope(scope).kind == "class":
        return ("project", scope)
    if "." not in name and ":" not in name:
        return exceptions.of_dotted(f"builtins.{name}")
    first = name.partition(".")[0]
    return None if first in index.project.packages or first in index.project.modules else ("external", name)


class Paths(Engine):
    """The ways out of one function. What its handlers and `finally` blocks call is taken not to fail: a failure there
    is no failure of the work. A method that anybody may override may raise anything."""

    def __init__(self, index: Index, near: frozenset[str]) -> None:
        super().__init__(index, Sought(), Sought(), _PLAIN)
        self._near = near
        self._aside: dict[FunctionId, frozenset[int]] = {}

    def matters(self, work: Work) -> bool:
        """Whether a function is followed with all that is known of its variables: those near the one asked about."""
        return work.function[0] in self._near

    def pays_in(self, work: Work) -> bool:
        """Nothing is owed here."""
        return False

    def _is_aside(self, frame: Frame, number: int) -> bool:
        known = self._aside.get(frame.function)
        if known is None:
            known = self._aside[frame.function] = _aside(frame.scope.body)
        return number in known

    def targets(self, frame: Frame, number: int) -> list[Target]:
        """What a call may run."""
        found = super().targets(frame, number)
        if self._is_aside(frame, number):
            raising = found and all(self._never_ends(each) or self._raises_again(each) for each in found)
            if raising or ("call", number) not in frame.tracked:
                return found if raising else [Target(SAFE)]
            running = [each._replace(harmless=True) for each in found if each.kind == RUN and not each.deferred]
            return running or [Target(SAFE)]
        if any(each.kind == RUN and each.work and self._is_open(each.work.function) for each in found):
            # Whoever implements it may do anything; the declaration itself does nothing.
            declared = [each for each in found if each.work and is_abstract(self.index, each.work.function)]
            return [*(each for each in found if each not in declared), Target(RAISES)]
        return found

    def has_item(self, frame: Frame, number: int) -> bool:
        """Whether a subscript is known to find something."""
        return self._is_aside(frame, number) or super().has_item(frame, number)

    def _is_open(self, function: FunctionId) -> bool:
        overrides = self.index.overrides(function)
        owner = self.index.project.owning_class(function)
        bases = self.index.mro(owner)[1:] if owner else []
        name = self.index.project.scope(function).name
        declared = [child for base in bases for child in self.index.project.children(base, name)]
        return any(is_abstract(self.index, each) for each in (*overrides, *declared))

    def _raises_again(self, target: Target) -> bool:
        """Whether a handler's helper raises what it is handed, or what is being handled, under some condition."""
        if target.kind != RUN or target.work is None or target.deferred:
            return False
        module, number = target.work.function
        facts = self.index.project.modules[module].facts
        return any(
            step[0] == "raise" and (step[2] < 0 or any(_is_param(facts.nodes, each) for each in step[2:4]))
            for step in _all_steps(facts.scopes[number].body)
        )

    def _never_ends(self, target: Target) -> bool:
        if target.kind != RUN or target.work is None or target.deferred:
            return False
        body = self.index.project.scope(target.work.function).body
        return _raises(body) and not any(step[0] == "return" for step in _all_steps(body))


def _is_param(nodes: list[Node], number: int) -> bool:
    """Whether an expression is a parameter, perhaps narrowed."""
    while number >= 0 and nodes[number][0] in ("local", "narrow"):
        number = nodes[number][2 if nodes[number][0] == "local" else 1]
    return number >= 0 and nodes[number][0] == "param"


def _raises(body: Block) -> bool:
    """Whether a block is sure to end in a `raise` of its own."""
    for step in body:
        if step[0] == "raise":
            return True
        if step[0] == "if" and _raises(step[2]) and _raises(step[3]):
            return True
        if step[0] == "with" and _raises(step[3]):
            return True
        if step[0] == "try" and (
            _raises(step[5]) or (_raises(step[2]) and all(_raises(handler[2]) for handler in step[3]))
        ):
            return True
    return False


def _aside(body: Block) -> frozenset[int]:
    """The calls, loads and awaits inside handlers and `finally` blocks."""
    found: set[int] = set()

    def collect(steps: Block, inside: bool) -> None:
        for step in steps:
            if inside and step[0] in ("call", "sub", "attr", "await"):
                found.add(step[1])
            if step[0] == "try":
                collect(step[2], inside)
                for handler in step[3]:
                    collect(handler[2], True)
                collect(step[4], inside)
                collect(step[5], True)
            else:
                for inner in blocks(step):
                    collect(inner, inside)

    collect(body, False)
    return frozenset(found)


class Ways:
    """The ways out of functions, each found once."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._known: dict[FunctionId, Summary | None] = {}

    def out(self, function: FunctionId) -> Summary | None:
        """Every way out of a function with its decorators around it; None if they are too many."""
        if function not in self._known:
            self._known[function] = self._find(function)
        return self._known[function]

    def _find(self, function: FunctionId) -> Summary | None:
        index = self.index
        owner = index.project.owning_class(function)
        near = {function[0], *(base[0] for base in (index.mro(owner) if owner else ()))}
        near |= {layer.decorator[0] for layer in Layers(index).of(function) if layer.decorator is not None}
        engine = Paths(index, frozenset(near))
        try:
            return engine.outcomes(asked(function, owner))
        except TooComplex:
            return None


def examine(
    ways: Ways, runs: list[FunctionId], duties: Duties, requires_finally: bool, violation: Callable[..., Violation]
) -> Iterator[Violation]:
    """Whether a function handles, cleans up and calls what it must. runs: itself and what its decorators run."""
    index = ways.index
    if requires_finally and not any(_has_finally(index, each, _HELPERS) for each in runs):
        yield violation("finally", "has no finally")
    for symbol, wanted in duties.calls:
        if wanted and not any(Reach(index, wanted)(each) for each in runs):
            name = symbol.replace(":", ".").rpartition(".")[2]
            yield violation("missing-call", f"never calls {name}")
    if duties.handlers_call[1]:
        reach = Reach(index, duties.handlers_call[1])
        for each in runs:
            for at in _silent_handlers(index, each, duties.handlers_call[1], reach):
                yield violation("missing-call", f"has a handler that does not call {duties.handlers_call[0]}", at=at)
    if duties.handles:
        summary = ways.out(runs[0])
        if summary is None:
            yield violation("unhandled", "has too many paths to be followed", Grade.UNRESOLVED)
            return
        yield from _escaping(index, runs, summary, duties, violation)


def _escaping(
    index: Index, runs: list[FunctionId], summary: Summary, duties: Duties, violation: Callable[..., Violation]
) -> Iterator[Violation]:
    exceptions = Exceptions(index)
    for name, kind in duties.handles:
        worst: tuple[Grade, Path] | None = None
        for (_, raised), path in summary.raised.items():
            answer = exceptions.caught(raised, kind)
            if answer == NO or (path.trail[-1:] and path.trail[-1].text == "iteration"):
                continue
            grade = Grade(path.grade if answer == MUST else min(path.grade, Grade.POSSIBLE))
            if worst is None or worst[0] < grade:
                worst = (grade, path)
        if worst is not None:
            grade, path = worst
            again = _raised_again(path)
            text = "raises again what it has caught" if again else f"does not handle {name}"
            thrown = next((event for event in reversed(path.trail) if event.kind == "raised"), None)
            if thrown is not None and not again and thrown.text != "raise":
                text += f": {thrown.text} may raise it"
            in_wrapper = thrown is not None and index.project.owner(thrown.ref) in runs[1:]
            at = None if in_wrapper else place_of(index, runs[0], path)
            yield violation("unhandled", text, grade, at, trail(path))


def _raised_again(path: Path) -> bool:
    """Whether the exception that leaves was raised by a statement after one had been caught."""
    kinds = [event.kind for event in path.trail if event.kind != "called"]
    last = next((event for event in reversed(path.trail) if event.kind == "raised"), None)
    if last is None or last.text != "raise" or "caught" not in kinds or kinds[-1] != "raised":
        return False
    return "left" not in kinds[len(kinds) - kinds[::-1].index("caught") :]  # caught, and answered with a return


def place_of(index: Index, function: FunctionId, path: Path) -> Ref | None:
    """The last turn of a path that lies in the function itself; None if there is none."""
    for event in reversed(path.trail):
        if event.ref[1] >= 0 and function in index.project.enclosing(index.project.owner(event.ref)):
            return event.ref
    return None


def trail(path: Path) -> tuple[Trail, ...]:
    """The turns of a path as steps of a chain."""
    return tuple(Trail(f"{event.text}", event.ref) for event in path.trail if event.kind != "called")


def ends_with_none(index: Index, function: FunctionId, summary: Summary) -> tuple[Grade, Ref | None] | None:
    """How certain it is that a function can end with None, and at which `return` (None: at its end)."""
    paths = [path for (_, value), path in summary.ended.items() if value == NOTHING]
    if not paths:
        return None
    best = max(paths, key=lambda path: path.grade)
    last = best.trail[-1] if best.trail else None
    left = last is not None and last.kind == "left" and index.project.owner(last.ref) == function
    return Grade(best.grade), last.ref if last is not None and left else None


def _has_finally(index: Index, function: FunctionId, depth: int) -> bool:
    """Whether a function, a context manager it enters or a helper of its own class or module has a `finally`."""
    scope = index.project.scope(function)
    if _finally_in(scope.body):
        return True
    if depth == 0:
        return False
    facts = index.project.modules[function[0]].facts
    owner = index.project.owning_class(function)
    aside = _aside(scope.body)
    for step in _all_steps(scope.body):
        node = step[1]
        if step[0] == "with":
            context = (function[0], facts.nodes[step[2]][1])
            for value in index.values(context):
                if value[0] == "gencm" and value[1][0] != "yields":
                    continue  # declared, not written here
                if value[0] in ("inst", "self") and index.classes.lookup(value[1], "__exit__"):
                    return True
                if value[0] == "gencm" and _has_finally(index, (value[1][1], value[1][2]), depth - 1):
                    return True
        elif step[0] == "call" and node not in aside:
            for callee in index.callees((function[0], node)):
                near = owner is not None and index.project.owning_class(callee.function) in index.mro(owner)
                near = near or callee.function[0] == function[0]
                if near and callee.function != function and _has_finally(index, callee.function, depth - 1):
                    return True
    return False


def _finally_in(body: Block) -> bool:
    return any(step[0] == "try" and step[5] for step in _all_steps(body))


def _all_steps(body: Block) -> Iterator[Step]:
    for step in body:
        yield step
        for inner in blocks(step):
            yield from _all_steps(inner)


def _silent_handlers(index: Index, function: FunctionId, wanted: Sought, reach: Reach) -> Iterator[Ref]:
    """The broad handlers of a function that call none of the wanted functions."""
    exceptions = Exceptions(index)
    for step in _all_steps(index.project.scope(function).body):
        if step[0] != "try":
            continue
        for types, _, block in step[3]:
            if not _BROAD & set(exceptions.of_handler(function[0], types)):
                continue
            calls = [(function[0], inner[1]) for inner in _all_steps(block) if inner[0] == "call"]
            functions = [callee.function for call in calls for callee in index.callees(call)]
            if not any(each in wanted.functions or reach(each) for each in functions):
                yield (function[0], types)
