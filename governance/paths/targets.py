"""Targets: what a call may run, as far as the paths of a contract are concerned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from governance.facts import Node
from governance.findings import Grade
from governance.index import graph, logs
from governance.index.values import ClassId, FunctionId, Value
from governance.paths import assumptions, elsewhere, held, lookups, natures
from governance.paths.frames import Frame, This, Work
from governance.paths.outcomes import DEFINITE, PROBABLE, UNRESOLVED

if TYPE_CHECKING:
    from governance.index import Index
    from governance.index.callees import Callee
    from governance.paths.engine import Engine
    from governance.paths.sought import Sought

TRIGGER: Final = "trigger"
DUTY: Final = "duty"
RUN: Final = "run"
SAFE: Final = "safe"
RAISES: Final = "raises"
EXIT: Final = "exit"
GONE: Final = "gone"
HANDS: Final = "hands"


class Target(NamedTuple):
    """One thing a call may do. works: the functions handed over (kind hands) or the one that is run.

    deferred: a coroutine or generator is made, and nothing runs yet.
    assumed: taken for the trigger or duty because of its name, the receiver being unknown.
    bound: the receiver takes the first parameter.
    harmless: a trigger or function that is taken not to raise.
    """

    kind: str
    grade: int = DEFINITE
    work: Work | None = None
    works: tuple[Work, ...] = ()
    deferred: str = ""
    assumed: bool = False
    bound: bool = False
    harmless: bool = False


def find(engine: Engine, frame: Frame, number: int) -> list[Target]:
    """Everything a call may do; never empty."""
    fact = frame.facts.nodes[number]
    known = held.held_by(engine, frame, fact[1])
    if known is not None:
        return [_classified(engine, frame, work, False) for work in known]
    found = _project_targets(engine, frame, number, fact)
    found += _others(engine, frame, number, fact, bool(found))
    return list(dict.fromkeys(found))


def _project_targets(engine: Engine, frame: Frame, number: int, fact: Node) -> list[Target]:
    index = engine.index
    known = index.callees(frame.ref(number)) or lookups.through_receiver(index, frame, fact[1])
    callees = _dispatched(engine, frame, fact[1], _undecorated(engine, known))
    sought = {
        kind: max((int(each.grade) for each in callees if each.function in functions), default=0)
        for kind, functions in ((TRIGGER, engine.trigger.functions), (DUTY, engine.duty.functions))
    }
    concrete = _concrete(engine, callees)
    callees = sorted(concrete or callees, key=lambda each: (each.function, repr(each.receiver)))
    found = []
    for callee in callees:
        if _makes_sought(engine, callee):
            continue  # what counts is that the class is called, see `_others`
        receiver, this = _receiver(engine, frame, number, callee)
        work = held.work_of(frame, callee.function, receiver, this, int(callee.grade))
        bound = callee.receiver is not None and not natures.is_static(engine, callee.function)
        target = _classified(engine, frame, work, bound)
        if target.kind in sought:
            # Which override it is does not matter: the call is as certain as the best of them.
            target = target._replace(grade=sought[target.kind], work=None)
        found.append(target)
        if elsewhere.kept(index, callee.function):
            handed = held.handed_over(engine, frame, fact)
            runs = (_classified(engine, frame, each, bound=False) for each in handed)
            found += [each._replace(grade=PROBABLE, deferred=target.deferred) for each in runs]
    return found


def _concrete(engine: Engine, callees: list[Callee]) -> list[Callee]:
    """Without what only stands for its overrides, unless it is sought and none of those is there."""
    found = [each for each in callees if not natures.is_abstract(engine.index, each.function)]
    present = {each.function for each in found}
    for functions in (engine.trigger.functions, engine.duty.functions) if found else ():
        if not present & functions:
            found += [each for each in callees if each.function in functions]
    return found


def _makes_sought(engine: Engine, callee: Callee) -> bool:
    is_constructor = engine.index.project.scope(callee.function).name == "__init__"
    return is_constructor and held.class_of(callee.receiver) in engine.duty.classes | engine.trigger.classes


def _undecorated(engine: Engine, callees: list[Callee]) -> list[Callee]:
    """Without the wrappers that decorators put in place of a function: those are applied when it is run."""
    decorators = {function for callee in callees for function in engine.decorating(callee.function)}
    if not decorators:
        return callees
    kept = [each for each in callees if not _is_inside(engine.index, each.function, decorators)]
    # What the decorator's own evidence lowered is certain again once the decorator itself is followed.
    return [
        type(each)(each.function, Grade.DEFINITE, each.receiver) if engine.decorating(each.function) else each
        for each in kept
    ]


def _is_inside(index: Index, function: FunctionId, outer: set[FunctionId]) -> bool:
    return any(each in outer for each in index.project.enclosing(function))


def _dispatched(engine: Engine, frame: Frame, callee: int, callees: list[Callee]) -> list[Callee]:
    """For `self.m()` in a method that is run for a known class: only what an instance of that class has."""
    fact = frame.facts.nodes[frame.origin(callee)]
    if fact[0] != "attr" or not callees:
        return callees
    owner = frame.self_frame(frame.name_of(fact[1]) or "")
    if owner is None or owner.receiver is None:
        return callees
    index = engine.index
    allowed: set[FunctionId] = set()
    inherited = index.classes.lookup(owner.receiver, fact[2])
    for ref in inherited[1] if inherited else ():
        node = index.project.node(ref)
        if node[0] == "function":
            allowed.add((ref[0], node[1]))
    exact = set(allowed)
    for cls in index.subclasses(owner.receiver) - {owner.receiver}:
        allowed.update(index.project.children(cls, fact[2]))
    kept = [each for each in callees if each.function in allowed]
    return [
        type(each)(each.function, Grade.DEFINITE, each.receiver) if each.function in exact else each for each in kept
    ] or callees


def _receiver(engine: Engine, frame: Frame, number: int, target: Callee) -> tuple[ClassId | None, This | None]:
    """The class of `self` in the function that a call runs, and `self` if its attributes are followed."""
    if number in frame.made and engine.index.project.scope(target.function).name == "__init__":
        return held.class_of(target.receiver), frame.made[number]
    fact = frame.facts.nodes[frame.origin(frame.facts.nodes[number][1])]
    if fact[0] == "attr":
        owner = frame.self_frame(frame.name_of(fact[1]) or "")
        base = frame.facts.nodes[fact[1]]
        if owner is None and base[0] == "call" and frame.facts.nodes[base[1]][:2] == ["free", "super"]:
            owner = frame if frame.self_name else None
        if owner is not None:
            return owner.receiver or held.class_of(target.receiver), owner.this
        return held.class_of(target.receiver), frame.this_of(fact[1])
    return held.class_of(target.receiver), None


def _classified(engine: Engine, frame: Frame, work: Work, bound: bool) -> Target:
    scope = engine.index.project.scope(engine.surface(work))
    deferred = "generator" if scope.is_generator else "coroutine" if scope.is_async else ""
    kind = RUN
    if work.function in engine.duty.functions:
        kind = DUTY
    elif work.function in engine.trigger.functions:
        kind = TRIGGER
    return Target(kind, work.grade, work, (), deferred, False, bound)


def _others(engine: Engine, frame: Frame, number: int, fact: Node, known: bool) -> list[Target]:
    """What is not a function of the project."""
    index = engine.index
    ref = frame.ref(number)
    handed = held.handed_over(engine, frame, fact)
    count = len(fact[2])
    found = [_external(engine, dotted, handed, count) for dotted in sorted(index.externals(ref))]
    values = index.values(frame.ref(fact[1]))
    for value in values:
        if value[0] in ("cls", "selfcls"):
            cls: ClassId = value[1]
            if cls in engine.duty.classes or cls in engine.trigger.classes:
                found.append(Target(DUTY if cls in engine.duty.classes else TRIGGER))
            elif index.classes.lookup(cls, "__init__") is None:
                is_member = any(each[0] == "enum" for each in index.values(ref))
                found.append(Target(SAFE if is_member or _is_plain(engine, cls) else RAISES, PROBABLE))
        elif value[0] == "cmeth":
            found.append(Target(SAFE if assumptions.is_safe_method(value[2], count) else RAISES, PROBABLE))
        elif value[0] == "partial" and value[1] == frame.module and not known:
            made = frame.facts.nodes[value[2]]
            found += _unknown(engine, frame, ["call", made[2][0], [], []], handed) if made[2] else []
        elif value[:2] == ("xinst", "operator.methodcaller"):
            found += _by_name(engine, frame, fact, value)
        elif value[0] in ("xinst", "enum") or (value[0] in ("callable", "inst", "self") and not known):
            found.append(_handing(handed, last_of(frame, fact[1]), RAISES))
    return found if found or known else _unknown(engine, frame, fact, handed)


def _by_name(engine: Engine, frame: Frame, fact: Node, caller: Value) -> list[Target]:
    """`methodcaller("name")(x)` is `x.name()`."""
    names = [
        each[2] for key in caller[2] for each in engine.index.values((key[1], key[2])) if each[:2] == ("const", "str")
    ]
    found = [
        _classified(engine, frame, held.work_of(frame, function, cls, grade=int(grade)), bound=False)
        for argument in fact[2][:1]
        for cls, (grade, _) in engine.index.classes_of(frame.ref(argument)).items()
        for name in names
        for work in (lookups.method(engine.index, cls, name),)
        for function in sorted(engine.index.overrides(work.function) if work else ())
    ]
    return found or [Target(RAISES, PROBABLE)]


def _is_plain(engine: Engine, cls: ClassId) -> bool:
    """Whether making an instance of a class without `__init__` runs nothing that raises."""
    unknown = engine.index.external_bases(cls) - natures.HARMLESS_BASES
    return all(base.startswith("builtins.") and engine.exceptions.of_dotted(base) is not None for base in unknown)


def _external(engine: Engine, dotted: str, handed: tuple[Work, ...], count: int) -> Target:
    if dotted in engine.duty.externals:
        return Target(DUTY)
    if dotted in engine.trigger.externals:
        return Target(TRIGGER, harmless=assumptions.is_safe(dotted, engine.safe_calls, count))
    if dotted in assumptions.EXIT_CALLS:
        return Target(EXIT)
    if dotted in assumptions.GONE_CALLS:
        return Target(GONE)
    safe = assumptions.is_safe(dotted, engine.safe_calls, count)
    return _handing(handed, dotted.rpartition(".")[2], SAFE if safe else RAISES)


def _handing(handed: tuple[Work, ...], name: str, otherwise: str) -> Target:
    """A call outside the project: it may run the functions that are handed to it."""
    if handed and name not in assumptions.HARMLESS_WITH_FUNCTIONS:
        return Target(HANDS, PROBABLE, works=handed)
    return Target(otherwise, PROBABLE)


def _unknown(engine: Engine, frame: Frame, fact: Node, handed: tuple[Work, ...]) -> list[Target]:
    """A call about which nothing is known but its name."""
    callee = frame.facts.nodes[frame.origin(fact[1])]
    name = last_of(frame, fact[1])
    if callee[0] == "attr":
        if name in engine.duty.names and engine.trusting:
            return [Target(DUTY, UNRESOLVED, assumed=True, deferred=_made_by(engine, engine.duty))]
        if name in engine.trigger.names:
            deferred = _made_by(engine, engine.trigger)
            return [Target(TRIGGER, engine.suspicion, assumed=True, deferred=deferred), Target(RAISES, PROBABLE)]
        if logs.is_logging(graph.last_name(frame.facts, callee[1]), name):
            return [Target(SAFE)]
    return [_handing(handed, name, RAISES)]


def _made_by(engine: Engine, wanted: Sought) -> str:
    """What calling one of the sought functions makes, if they all are coroutine functions."""
    scopes = [engine.index.project.scope(each) for each in wanted.functions]
    return "coroutine" if scopes and all(each.is_async and not each.is_generator for each in scopes) else ""


def last_of(frame: Frame, callee: int) -> str:
    """The last name of what is called, "" if it has none."""
    fact = frame.facts.nodes[frame.origin(callee)]
    if fact[0] == "attr":
        return str(fact[2])
    return str(fact[1]) if fact[0] in ("local", "free") else ""
