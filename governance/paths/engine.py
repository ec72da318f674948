"""The path engine: the abstract execution of functions for one contract, called functions followed as summaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from governance.contract import Ref
from governance.facts import Block
from governance.index import graph
from governance.index.values import ClassId, FunctionId
from governance.paths import asserts, assumptions, deferred, lookups, statements, targets
from governance.paths.automaton import Automaton
from governance.paths.exceptions import GENERATOR_EXIT, Exceptions
from governance.paths.frames import SELF, Frame, This, Work
from governance.paths.layers import Layers
from governance.paths.objects import Made, Objects
from governance.paths.outcomes import UNRESOLVED, Outcomes, State, States, put
from governance.paths.reach import Reach
from governance.paths.runs import NESTING, Runs, Summary, TooComplex
from governance.paths.sought import Sought
from governance.paths.targets import Target
from governance.paths.tracked import blocks, tracked
from governance.paths.truth import Truth

if TYPE_CHECKING:
    from governance.index import Index

BUDGET: Final = 60_000
STATES: Final = 200


class Engine:
    """One abstract execution. Not to be shared between contracts: summaries speak of one automaton.

    trusting: a call that has the name of the duty, on a receiver of which nothing is known, counts as the duty.
    suspicion: the grade of a call that has the name of the trigger, on a receiver of which nothing is known.
    coarse: no variable is followed: less is proven, with less work.
    """

    def __init__(
        self, index: Index, trigger: Sought, duty: Sought, automaton: Automaton,
        assume_safe: tuple[str, ...] = (), trusting: bool = True, suspicion: int = UNRESOLVED, coarse: bool = False,
    ) -> None:  # fmt: skip
        self.index = index
        self.trigger = trigger
        self.duty = duty
        self.automaton = automaton
        self.safe_calls = (*assumptions.SAFE, *assume_safe)
        self.trusting = trusting
        self.suspicion = suspicion
        self.coarse = coarse
        self.nesting = NESTING
        self.exceptions = Exceptions(index)
        self.truth = Truth(index, self.exceptions)
        self.layers = Layers(index)
        self.sites: dict[Ref, Target] = {}
        self.duties: dict[Ref, Target] = {}
        self.lost: States = {}
        """States in which a generator is given up for good."""

        self.unfollowed: dict[FunctionId, None] = {}
        """Functions that may trigger or do what is owed, and lie too deep."""

        self.detached: dict[Ref, None] = {}
        """Where work that triggers is started and not waited for."""
        self._reaches_trigger = Reach(index, trigger)
        self._reaches_duty = Reach(index, duty)
        self._tracked: dict[FunctionId, frozenset[object]] = {}
        self.objects = Objects(self)
        self._made: dict[FunctionId, Mapping[int, Made]] = {}
        self._numbers: dict[object, int] = {}
        self._targets: dict[object, list[Target]] = {}
        self._awaited: dict[FunctionId, frozenset[int]] = {}
        self._left_out: dict[FunctionId, frozenset[int]] = {}
        self._pays: dict[int, bool] = {}
        self._spent = 0
        self.runs = Runs(self)

    def outcomes(self, work: Work) -> Summary:
        """Every way out of a function. Raises TooComplex."""
        summary = self.runs.of(work, {}, State(self.automaton.start, {}))
        for state, path in self.lost.items():
            put(summary.raised, (state, GENERATOR_EXIT), path)
        return summary

    # what the rules ask ---------------------------------------------------------------------------------------------

    def block(self, frame: Frame, steps: Block, entry: States) -> Outcomes:
        """Run steps."""
        return statements.block(self, frame, steps, entry)

    def yielded(self, frame: Frame, node: int, entry: States) -> Outcomes:
        """A yield of a frame."""
        return statements.yielded(self, frame, node, entry)

    def frame(self, work: Work) -> Frame:
        """A fresh activation."""
        if self.coarse or self.runs.aside:
            return Frame(self.index.project, work, self.runs.live, frozenset())
        number, function = self.runs.live, work.function
        followed, made = self.followed(function), self.made(function, number)
        own = work.this.flags if work.this is not None else None
        flags = (own or frozenset[str]()).union(*(each.flags or () for each in made.values()))
        if flags:
            followed |= self.objects.stored(function, flags)
        return Frame(self.index.project, work, number, followed, made)

    def followed(self, function: FunctionId) -> frozenset[object]:
        """The places that are followed in a function, see `tracked`."""
        if function not in self._tracked:
            facts = self.index.project.modules[function[0]].facts
            self._tracked[function] = tracked(facts, function[1]) if function[1] else frozenset()
        return self._tracked[function]

    def made(self, function: FunctionId, number: int) -> Mapping[int, This]:
        """The objects that an activation makes and keeps to itself, by the expressions they come from."""
        found = self._made.get(function)
        if found is None:
            found = self._made[function] = self.objects.made(function)
        return {node: This(self._number_of(number, function, each.site), each.flags) for node, each in found.items()}

    def _number_of(self, *key: object) -> int:
        return self._numbers.setdefault(key, SELF - 1 - len(self._numbers))

    def constructed(self, frame: Frame, site: int, entry: States) -> States:
        """The states in which an object that is followed is about to be made; the one before it is forgotten."""
        found = self._made.get(frame.function, {})
        if site not in frame.made or site not in found:
            return entry
        fresh: States = {}
        for state, path in entry.items():
            put(fresh, self.objects.fresh(frame, found[site], state), path)
        return fresh

    def targets(self, frame: Frame, number: int) -> list[Target]:
        """What a call may run."""
        outer = tuple(id(each) for each in frame.lexical()) if frame.outer is not None else ()
        active = frame.number if frame.made else -1
        key = (frame.module, number, frame.receiver, frame.this, active, tuple(frame.callables.items()), outer)
        found = self._targets.get(key)
        if found is None:
            found = targets.find(self, frame, number)
            if frame.outer is None and not any(each.work and each.work.outer for each in found):
                self._targets[key] = found
        return found

    def awaited_calls(self, frame: Frame) -> frozenset[int]:
        """The calls whose coroutines a function awaits itself."""
        found = self._awaited.get(frame.function)
        if found is None:
            found = self._awaited[frame.function] = deferred.awaited_calls(self, frame)
        return found

    def left_out(self, frame: Frame) -> frozenset[int]:
        """The calls of a function that stand in the tests of its asserts."""
        found = self._left_out.get(frame.function)
        if found is None:
            found = self._left_out[frame.function] = asserts.left_out(frame.facts.nodes, frame.scope.body)
        return found

    def pays(self, frame: Frame, steps: Block) -> bool:
        """Whether a block may do what is owed."""
        if not steps:
            return False
        known = self._pays.get(id(steps))
        if known is None:
            known = self._pays[id(steps)] = any(
                (step[0] == "call" and self.call_pays(frame, step[1]))
                or any(self.pays(frame, inner) for inner in blocks(step))
                for step in steps
            )
        return known

    def call_pays(self, frame: Frame, number: int) -> bool:
        """Whether a call may do what is owed."""
        return any(
            target.kind == targets.DUTY or (target.kind == targets.RUN and target.work and self.pays_in(target.work))
            for target in self.targets(frame, number)
        )

    def pays_in(self, work: Work) -> bool:
        """Whether running a function may do what is owed."""
        return self._reaches_duty(work.function)

    def triggers_in(self, work: Work) -> bool:
        """Whether running a function may make something owed."""
        return self._reaches_trigger(work.function)

    def matters(self, work: Work) -> bool:
        """Whether running a function may change what is owed."""
        return self.triggers_in(work) or self.pays_in(work)

    def decorating(self, function: FunctionId) -> frozenset[FunctionId]:
        """The functions of the project that decorate a function."""
        return frozenset(layer.decorator for layer in self.layers.of(function) if layer.decorator is not None)

    def surface(self, work: Work) -> FunctionId:
        """The function whose kind a caller of `work` sees."""
        return self.layers.surface(work)

    def method(self, cls: ClassId, name: str) -> Work | None:
        """A method of a class."""
        return lookups.method(self.index, cls, name)

    def target_of(self, work: Work) -> Target:
        """Running a function without looking at how it was called."""
        kind = targets.DUTY if work.function in self.duty.functions else targets.RUN
        return Target(targets.TRIGGER if work.function in self.trigger.functions else kind, work.grade, work)

    def properties(self, frame: Frame, number: int) -> list[Work]:
        """The property functions an attribute load runs."""
        return lookups.properties(self.index, frame, number)

    def has_item(self, frame: Frame, number: int) -> bool:
        """Whether a subscript is known to find something."""
        return lookups.has_item(self.index, frame, number)

    def text(self, ref: Ref) -> str:
        """Short source-like text."""
        return self.index.project.text(ref)

    def last_name(self, frame: Frame, node: int) -> str:
        """The name an expression goes by."""
        return graph.last_name(frame.facts, node) or ""

    def note_site(self, ref: Ref, target: Target) -> None:
        """A place where the trigger is run."""
        if ref not in self.sites or self.sites[ref].assumed:
            self.sites[ref] = target

    def note_duty(self, ref: Ref, target: Target) -> None:
        """A place where the duty is run."""
        if ref not in self.duties or self.duties[ref].assumed:
            self.duties[ref] = target

    def spend(self, amount: int) -> None:
        """Count work; raises TooComplex."""
        self._spent += amount
        if self._spent > BUDGET:
            raise TooComplex

    def narrowed(self, states: States) -> States:
        """With too many states, forget what is known of plain variables."""
        if len(states) <= STATES:
            return states
        merged: States = {}
        for state, path in states.items():
            kept = {key: value for key, value in state.env.items() if not isinstance(key[1], str) or "<" in key[1]}
            put(merged, State(state.auto, kept), path)
        return merged


__all__ = ["BUDGET", "Engine", "Summary", "TooComplex"]
