"""The fixpoint: a demand-driven solver for "what may this be?".

A question is a key; its answer is a growing set of values, each with the best grade and the first derivation of that
grade. Rules compute an answer from other answers; whoever read an answer is asked again when it grows. Rules only ever
add, so the order of work does not change the result. Values may also be contributed to a key from outside its rule
(arguments to parameters).

| key                       | question |
|---------------------------|----------|
| ("n", module, node)       | the value of a node |
| ("t", module, node, env)  | an instance of the type which that annotation node writes; env binds type variables |
| ("glob", module, name)    | a module's attribute |
| ("param", module, scope, index) | a parameter |
| ("ret", module, scope)    | what calling the function gives (before await) |
| ("body", module, scope)   | what its `return` statements give |
| ("own", module, scope)    | what its `return` statements give besides parameters that come back as they went in |
| ("yields", module, scope) | what it yields |
| ("calls", name, module) / ("decorations", name) | no answer: starts the flows of calls by a name; visits decorators |
| ("indirect", module)       | no answer: starts the flows of calls of variables and results, in modules nearby |
| ("callers", module, scope) | no answer: starts the flows of the calls that may reach the function |
| ("attr", C, name)         | an attribute of instances of C that was stored |
| ("stores", name)          | no values: all places that store under that name, and on what, as ("store", owner, module, node) |
| ("store", module, node) / ("setattrs",) | no answer: one such place, all calls of setattr; they tell the former |
| ("elem"/"dkey"/"dval", module, node) | elements, keys, values of the container made at node |
| ("flow", module, call)    | no answer of its own: contributes the call's arguments to parameters |
| ("additions", name) / ("addition", module, node) | no answer: places that add to what goes by that name; one of them |
| ("mutated"/"nested", module, node) | what is stored into that container, or into those a defaultdict makes, later |
| ("entry", module, node, key) / ("unkeyed", module, node) | of that: under a constant key; under any other |
| ("items"/"entered", module, node) | what iterating over, or entering, the value of the node gives |
| ("pair", key, ...)        | a tuple of these keys |
| ("listed", key)           | a sequence whose elements the key gives |
| ("row", module, node)     | an instance of the class that the node is |
| ("fields", module, scope) | what the entries of a TypedDict are declared to be |
| ("flat", module, node)    | the elements of the elements of the node |
| ("called", module, call, position) | what calling that argument of the call gives |
| ("gathered"/"awaited"/"dflt", module, call) | results of gather; values of a defaultdict |
| ("subclasses"/"subclass", module, scope) | the direct subclasses of a class |
| ("classes", module, scope) | the classes that a metaclass makes |
| ("made", module, scope)   | no answer: starts the flows of the calls that construct a dataclass |
| ("decorate", module, definition) | no answer: contributes a definition to its decorators |
| ("keyword", module, scope, index, name) | what a `**kwargs` parameter holds under a name |
| ("varargs", module, scope, index) | elements of a `*args` or values of a `**kwargs` parameter |

Termination: the domain is finite but for containers and type arguments, whose depth is bounded; a key that collects more
than `WIDTH` values of the project takes no more and is counted in `Solver.widened`; those of `Solver.wanted` are counted apart. Of more than `LIGHT` constants and
external objects the others are told as "some text", "some external object": which of them are kept depends on the order
of work, nothing else does.
"""  # noqa: E501

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from governance.contract import Ref
from governance.findings import Grade
from governance.index.decorated import Decorated
from governance.index.values import ClassId, FunctionId, Key, Value

if TYPE_CHECKING:
    from governance.index.classes import Classes
    from governance.index.names import Names
    from governance.index.passing import Passing
    from governance.index.project import Project
    from governance.index.reaching import Tables

WIDTH: Final = 64
LIGHT: Final = 24
DEPTH: Final = 40
_ROOM: Final = {"light": LIGHT, "wanted": WIDTH, "other": WIDTH}
BUDGET: Final = 3_000_000

DEFINITE, PROBABLE, POSSIBLE = int(Grade.DEFINITE), int(Grade.PROBABLE), int(Grade.POSSIBLE)


class Evidence(NamedTuple):
    """Why a key may have a value: the grade so far, a short note, and where the value was read."""

    grade: int
    note: str
    source: Key | None
    value: Value | None


Answer = dict[Value, Evidence]
Rule = Callable[["Solver", Key, "Answer"], None]
_EMPTY: Final[Answer] = {}
_WANTED: Final = frozenset(("inst", "self", "cls", "selfcls", "enum", "fn"))
_LIGHT: Final = frozenset(("const", "xinst", "ext", "xmeth", "cmeth", "smeth"))
ELSEWHERE: Final[Value] = ("xinst", "*", ())
"""Some external object; which one does not matter any more."""
_VAGUE: Final[dict[str, Value]] = {name: ("xinst", f"builtins.{name}", ()) for name in ("str", "int", "bool")}


class Solver:
    """State of one fixpoint over one project; answers stay valid while the project does."""

    def __init__(
        self,
        project: Project,
        names: Names,
        classes: Classes,
        rules: Mapping[str, Rule],
        repeats: Callable[[Project, Key], Key | None],
    ) -> None:
        self.project = project
        self.names = names
        self.classes = classes
        self.rules = rules
        self.repeats = repeats
        """The key that another one only repeats, None for most."""
        self._plain: dict[Key, Key] = {}
        self.state: dict[Key, Answer] = {}
        self.snapshots: dict[Key, Answer] = {}
        self.passing: dict[FunctionId, Passing] = {}
        self.handed: frozenset[str] | None = None
        """Modules that are used as values, made on first use, see `handed_modules`."""
        self.decorated = Decorated(project, names)
        self.only_returned: dict[FunctionId, bool] = {}
        """Functions within others: whether those do nothing with them but return them."""
        self.additions: Mapping[str, list[Ref]] | None = None
        """Places that add to containers, made on first use, see `additions.by_name`."""
        self.reaching: Tables | None = None
        self.properties: dict[ClassId, bool] = {}
        """Decorator classes of the project: whether they work like `property`."""
        self.contributed: dict[Key, Answer] = {}
        self.readers: dict[Key, set[Key]] = {}
        self.pending: deque[Key] = deque()
        self.queued: set[Key] = set()
        self.answered: set[Key] = set()
        self.sources: dict[Key, dict[Key, tuple[int, str]]] = {}
        """Links, with a grade and a note: for every parameter the arguments that reach it, those included that nothing
        is known about; for every container what is added to it."""
        self.watched: dict[Key, set[Key]] = {}
        """Parameters that are called themselves, with the calls: run again for every new argument."""
        self.closed: set[Key] = set()
        """Keys whose declaration says it all: contributions to them are not taken."""
        self.active: set[Key] = set()
        self.stack: list[Key] = []
        self.widened: set[Key] = set()
        self.wanted: set[ClassId | FunctionId] = set()
        """What contracts are about: values of it have a room of their own."""
        self.cut: set[FunctionId] = set()
        """Functions of whose calls not all were followed."""
        self.full: set[tuple[Key, str]] = set()
        """Keys that take no more values of a sort."""
        self.taken: dict[tuple[Key, str], int] = {}
        """How many of a sort they have, where they have many."""
        self.evaluations = 0

    def ask(self, key: Key) -> Mapping[Value, Evidence]:
        """The answer to a key after the fixpoint. For use from outside of rules."""
        key = self.plain(key)
        self._visit(key)
        self.settle()
        return self.state.get(key, _EMPTY)

    def plain(self, key: Key) -> Key:
        """The key under which an answer is kept: a name that only repeats another one has none of its own."""
        found = self._plain.get(key)
        if found is None:
            found = key
            for _ in range(DEPTH):
                repeated = self.repeats(self.project, found)
                if repeated is None:
                    break
                found = repeated
            self._plain[key] = found
        return found

    def get(self, key: Key) -> Mapping[Value, Evidence]:
        """The answer so far; the rule that asks is run again when it grows. For use inside rules."""
        key = self._plain.get(key) or self.plain(key)
        if self.stack:
            self.readers.setdefault(key, set()).add(self.stack[-1])
        if key not in self.state:
            # Annotations nest little, and whether one says something decides what else is asked.
            if len(self.stack) < DEPTH or key[0] == "t":
                self._visit(key)
            else:
                self.state[key] = {}
                self._queue(key)
        # A snapshot: the rule that reads may, through recursion, make this very answer grow.
        seen = self.snapshots.get(key)
        if seen is None:
            seen = self.snapshots[key] = dict(self.state[key])
        return seen

    def ready(self, key: Key) -> bool:
        """Whether a key has been answered at least once; for rules that must not take "not yet" for "nothing".

        The rule that asks is run again when that happens.
        """
        self.get(key)
        return self.plain(key) in self.answered

    def settle(self) -> None:
        """Run until nothing grows any more (or the budget is used up, which `exhausted` tells)."""
        while self.pending and not self.exhausted:
            key = self.pending.popleft()
            self.queued.discard(key)
            self._evaluate(key)

    @property
    def exhausted(self) -> bool:
        """Whether the evaluation budget was hit: answers may be incomplete and the scan must say so."""
        return self.evaluations > BUDGET

    def contribute(self, key: Key, value: Value, evidence: Evidence) -> None:
        """Add a value to a key from outside its own rule."""
        extra = self.contributed.setdefault(key, {})
        admitted = self._admitted(key, extra, value)
        known = extra.get(admitted) if admitted is not None else evidence
        if admitted is not None and (known is None or known.grade < evidence.grade):
            extra[admitted] = evidence
            if key in self.state:
                self._queue(key)

    def link(self, key: Key, source: Key, grade: int, note: str) -> None:
        """Whatever `source` may be, `key` may be: from an argument to the parameter that it reaches."""
        known = self.sources.setdefault(key, {})
        if known.get(source, (-1,))[0] < grade:
            known[source] = (grade, note)
            if key in self.state:
                self._queue(key)
            for flow in self.watched.get(key, ()):
                self._queue(flow)

    def _admitted(self, key: Key, held: Answer, value: Value) -> Value | None:
        """The value as an answer takes it: itself, what stands for too many light ones, or None if there are too many.

        Values of the project never give way to constants and external objects, which no contract on classes is about.
        """
        if value in held or len(held) < LIGHT or key[0] == "stores":
            return value
        sort = self._sort(value)
        if (key, sort) not in self.full:
            if held is not self.state.get(key):
                return value
            taken = self.taken.get((key, sort))
            if taken is None:
                taken = sum(self._sort(each) == sort for each in held)
            self.taken[key, sort] = taken + 1
            if taken < _ROOM[sort]:
                return value
            self.full.add((key, sort))
        if sort != "light":
            self.widened.add(key)
            return None
        return _VAGUE.get(value[1], ELSEWHERE) if value[0] == "const" else ELSEWHERE

    def _sort(self, value: Value) -> str:
        """Light values, those that contracts are about, and others: none of them takes the room of another."""
        if value[0] in _LIGHT:
            return "light"
        return "wanted" if self.wanted and self._is_wanted(value) else "other"

    def _is_wanted(self, value: Value) -> bool:
        if value[0] == "bm":
            return value[1] in self.wanted or (value[2][1:2] and value[2][1] in self.wanted)
        return value[0] in _WANTED and value[1] in self.wanted

    def copy(self, source: Key, out: Answer, note: str = "", cap: int = DEFINITE) -> None:
        """Everything that `source` may be, `out` may be."""
        for value, evidence in self.get(source).items():
            add(out, value, min(cap, evidence.grade), note, source, value)

    def _visit(self, key: Key) -> None:
        if key not in self.state:
            self.state[key] = {}
            self._evaluate(key)

    def _queue(self, key: Key) -> None:
        if key not in self.queued:
            self.queued.add(key)
            self.pending.append(key)

    def _evaluate(self, key: Key) -> None:
        if key in self.active:
            self._queue(key)
            return
        self.evaluations += 1
        out: Answer = {}
        self.stack.append(key)
        self.active.add(key)
        try:
            self.rules[key[0]](self, key, out)
            if key in self.sources and key not in self.closed:
                for source, (grade, note) in tuple(self.sources[key].items()):
                    self.copy(source, out, note, grade)
        finally:
            self.active.discard(key)
            self.stack.pop()
        for value, evidence in self.contributed.get(key, _EMPTY).items() if key not in self.closed else ():
            add(out, *evidence_args(value, evidence))
        state = self.state[key]
        grown = key not in self.answered
        self.answered.add(key)
        for value, evidence in out.items():
            admitted = self._admitted(key, state, value)
            known = state.get(admitted) if admitted is not None else evidence
            if admitted is not None and (known is None or known.grade < evidence.grade):
                state[admitted] = evidence
                grown = True
        if grown:
            self.snapshots.pop(key, None)
            for reader in self.readers.get(key, ()):
                self._queue(reader)


def evidence_args(value: Value, evidence: Evidence) -> tuple[Value, int, str, Key | None, Value | None]:
    """The arguments of `add` that say the same as `evidence`."""
    return (value, evidence.grade, evidence.note, evidence.source, evidence.value)


def add(
    out: Answer,
    value: Value,
    grade: int = DEFINITE,
    note: str = "",
    source: Key | None = None,
    origin: Value | None = None,
) -> None:
    """Put a value into an answer, keeping the better grade."""
    known = out.get(value)
    if known is None or known.grade < grade:
        out[value] = Evidence(grade, note, source, origin)


def add_all(out: Answer, values: Iterable[tuple[Value, Evidence]], cap: int = DEFINITE) -> None:
    """Put several, none better than `cap`."""
    for value, evidence in values:
        add(out, value, min(cap, evidence.grade), evidence.note, evidence.source, evidence.value)
