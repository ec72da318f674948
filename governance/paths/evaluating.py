"""Evaluating: what is known of the value of an expression, by the kind of its node."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from governance.facts import Node
from governance.index import constructed
from governance.paths.abstract import FALSE, FIELDS, NOTHING, PARTS, SOME, TRUE, constant, is_soft, truthiness
from governance.paths.frames import Frame
from governance.paths.outcomes import Abstract, State

if TYPE_CHECKING:
    from governance.contract import Ref
    from governance.index import Index
    from governance.index.values import ClassId
    from governance.paths.truth import Truth

Rule: TypeAlias = "Callable[[Truth, Frame, int, Node, State], Abstract | None]"


def _const(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    return constant(fact) or SOME


def _variable(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    place, _ = truth.place(frame, node)
    if place is not None:
        return state.env.get(place)
    if fact[0] == "free" and frame.loaded(str(fact[1])) is None:
        return _constant(truth, frame, node)
    return None


def _constant(truth: Truth, frame: Frame, node: int) -> Abstract | None:
    """A module's name that is declared Final, TYPE_CHECKING, or an enum member."""
    values = list(truth.index.values(frame.ref(node)))
    if len(values) != 1:
        return None
    value = values[0]
    if value[0] == "ext":
        if value[1] in ("typing.TYPE_CHECKING", "typing_extensions.TYPE_CHECKING"):
            return FALSE
        return None
    if value[0] == "enum":
        return ("const", "enum", (value[1], value[2]))
    if value == _PLAIN_OBJECT:
        return _sentinel(truth, frame, node)
    if value[0] == "const" and _is_final(truth, frame, node):
        return ("const", value[1], value[2]) if value[2] is not None or value[1] == "none" else None
    return None


def _sentinel(truth: Truth, frame: Frame, node: int) -> Abstract | None:
    """`MISSING = object()` in a module: the one object that nothing else is."""
    fact = frame.facts.nodes[node]
    bound = truth.index.names.binding((frame.module, fact[2]), fact[1]) if fact[0] == "free" else None
    return ("const", "sentinel", bound[0]) if bound and len(bound) == 1 else None


_PLAIN_OBJECT: Final = ("xinst", "builtins.object", ())


def _is_final(truth: Truth, frame: Frame, node: int) -> bool:
    fact = frame.facts.nodes[node]
    if fact[0] != "free":
        return False
    for entity in truth.index.names.lookup((frame.module, fact[2]), fact[1]):
        if entity[0] == "node":
            definition = truth.index.project.node((entity[1], entity[2]))
            if definition[0] == "annotated":
                annotation = truth.index.project.node((entity[1], definition[1]))
                name = annotation[1] if annotation[0] == "sub" else definition[1]
                if any(each.endswith(".Final") for each in truth.index.names.dotted((entity[1], name))):
                    return True
    return False


def _object(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    place, _ = truth.place(frame, node)
    if place is not None and place in state.env:
        return state.env[place]
    if fact[0] != "attr":
        return None
    base = truth.evaluate(frame, fact[1], state)
    if base is not None and base[:2] == ("truthy", FIELDS):
        return dict(base[2]).get(fact[2])
    return _constant(truth, frame, node)


def _through(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    return truth.evaluate(frame, fact[1], state)


def _not(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    value = truth.evaluate(frame, fact[1], state)
    known = truthiness(value)
    if known is None or is_soft(value):
        return None
    return FALSE if known else TRUE


def _test(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    true, false = (truth.assume(frame, node, wanted, state) for wanted in (True, False))
    if true and not false:
        return TRUE if fact[0] == "compare" else ("truthy",)
    if false and not true:
        return FALSE if fact[0] == "compare" else ("falsy",)
    return None


def _either(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    known = truthiness(truth.evaluate(frame, fact[1], state))
    then, other = truth.evaluate(frame, fact[2], state), truth.evaluate(frame, fact[3], state)
    if known is None:
        return then if then == other else None
    return then if known else other


def _display(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    if not fact[1]:
        return ("falsy", "soft") if fact[0] != "tuple" else ("falsy",)
    if any(isinstance(each, int) and frame.facts.nodes[each][0] == "star" for each in fact[1]):
        return SOME
    if fact[0] != "tuple":
        return ("truthy", "soft")
    parts = [_outline(truth.evaluate(frame, each, state)) for each in fact[1]] if len(fact[1]) <= _PARTS else []
    return ("truthy", PARTS, tuple(parts)) if any(part is not None for part in parts) else ("truthy",)


_PARTS: Final = 3
"""Tuples of so many elements are told apart by what is known of these."""


def _outline(value: Abstract | None) -> Abstract | None:
    """What is kept of an element of a tuple: what says how things went, and how all else comes out when tested."""
    if value is None or value == NOTHING or value[0] != "const":
        return ("truthy",) if value is not None and value[1:2] in ((PARTS,), (FIELDS,)) else value
    if value[1] in ("bool", "enum"):
        return value
    known = truthiness(value)
    return SOME if known is None else ("truthy",) if known else ("falsy",)


def _text(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    parts = [frame.facts.nodes[each] for each in fact[1]]
    return ("truthy",) if any(each[0] == "const" and each[2] for each in parts) else SOME


def _augmented(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    """`count += 1`: told apart while it is small; something that was true stays so."""
    old = truth.evaluate(frame, fact[2], state) if fact[2] >= 0 else None
    added = truth.evaluate(frame, fact[3], state)
    if old is None or added is None or not fact[1].startswith("+") or added[:2] != ("const", "int") or added[2] < 1:
        return None
    if old[:2] == ("const", "int") and old[2] + added[2] <= _COUNTED:
        return ("const", "int", old[2] + added[2])
    return ("truthy",) if old[:2] == ("const", "int") or old == ("truthy",) else None


_COUNTED: Final = 3
"""Up to here a counter is followed; above, it is only known to be more than nothing."""


def _present(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    return SOME


def _called(truth: Truth, frame: Frame, node: int, fact: Node, state: State) -> Abstract | None:
    made = _constructed(truth, frame, node, state)
    if made is not None:
        return made
    known = state.env.get((frame.number, ("call", node)))
    if known is not None:
        return known
    names = {value[1] for value in truth.index.values(frame.ref(fact[1])) if value[0] == "ext"}
    if names == {"builtins.bool"} and len(fact[2]) == 1:
        answer = truthiness(truth.evaluate(frame, fact[2][0], state))
        return None if answer is None else TRUE if answer else FALSE
    if names == {"builtins.isinstance"} and len(fact[2]) == 2:
        return _isinstance(truth, frame, fact, state)
    if names == {"builtins.issubclass"} and len(fact[2]) == 2:
        return _isinstance(truth, frame, fact, state)
    if names == {"builtins.type"} and len(fact[2]) == 1:
        value = truth.evaluate(frame, fact[2][0], state)
        return ("exception type", value[1]) if value is not None and value[0] == "exception" else SOME
    if names <= _SAYING and names and len(fact[2]) == 1:
        return ("truthy", "soft") if frame.facts.nodes[frame.origin(fact[2][0])][0] == "exception" else SOME
    if names:
        return SOME if all(_gives_something(each) for each in names) else None
    return SOME if _declares_something(truth, frame, node) else None


def _constructed(truth: Truth, frame: Frame, node: int, state: State) -> Abstract | None:
    """An object that carries the outcome of something: `Outcome(ok=False)`."""
    known: list[tuple[str, Abstract]] = []
    call = frame.ref(node)
    if call not in truth.held:
        truth.held[call] = constructed.held(truth.index, call)
    for name, ref in truth.held[call].items():
        if ref[0] == frame.module:
            value = _outline(truth.evaluate(frame, ref[1], state))
            if value is None and frame.facts.nodes[frame.origin(ref[1])][0] == "exception":
                value = ("truthy",)
            if value is not None:
                known.append((name, value))
    if not truth.held[call] or len(known) > _FIELDS:
        return None
    made = sorted(truth.index.type_objects(frame.ref(frame.facts.nodes[node][1])))
    return ("truthy", FIELDS, (("", ("class", made[0])), *sorted(known)))


_FIELDS: Final = 6
"""Objects of more attributes that are known at once are no outcomes."""


def _declares_something(truth: Truth, frame: Frame, node: int) -> bool:
    """Whether every project function that a call may run is declared to return an object."""
    index = truth.index
    callees = index.callees(frame.ref(node))
    for each in callees:
        scope = index.project.scope(each.function)
        declared = index.annotation(each.function[0], scope.returns) if scope.returns >= 0 else {}
        if scope.is_generator or not declared or any(value[0] not in ("inst", "xinst") for value in declared):
            return False
    return bool(callees)


_SAYING: Final = frozenset(("builtins.str", "builtins.repr"))
_MEASURES: Final = frozenset(("time", "datetime", "uuid", "random", "secrets"))
_MAKERS: Final = frozenset(
    f"builtins.{name}"
    for name in "int float str bytes list dict set tuple frozenset object len abs round sum repr sorted hash id".split()
)
_SILENT: Final = frozenset(("time.sleep", "time.tzset", "random.seed", "random.shuffle", "random.choice"))


def _gives_something(dotted: str) -> bool:
    """Whether an external function never returns None: clocks, numbers and constructors of builtin types."""
    return dotted in _MAKERS or (dotted.partition(".")[0] in _MEASURES and dotted not in _SILENT)


def _isinstance(truth: Truth, frame: Frame, fact: Node, state: State) -> Abstract | None:
    value = truth.evaluate(frame, fact[2][0], state)
    if value is None:
        return None
    if value[:2] == ("truthy", FIELDS):
        answer = is_of(truth.index, dict(value[2])[""][1], frame.ref(fact[2][1]))
        return None if answer is None else TRUE if answer else FALSE
    if value[0] not in ("exception", "exception type"):
        return FALSE if value == NOTHING else None
    answers = {
        truth.exceptions.caught(value[1], handler) for handler in truth.exceptions.of_handler(frame.module, fact[2][1])
    }
    return TRUE if "must" in answers else FALSE if answers == {"no"} else None


def is_of(index: Index, cls: ClassId, tested: Ref) -> bool | None:
    """Whether an object of a class is an instance of what an expression names; None if that is not known."""
    wanted = index.type_objects(tested)
    if wanted.keys() & set(index.mro(cls)):
        return True
    return False if wanted and len(wanted) == len(index.values(tested)) else None


EVALUATE: Final[dict[str, Rule]] = {
    "const": _const, "local": _variable, "free": _variable, "narrow": _through, "attr": _object, "sub": _object,
    "not": _not, "and": _test, "or": _test, "compare": _test, "ifexp": _either, "tuple": _display, "list": _display,
    "set": _display, "dict": _display, "fstring": _text, "function": _present, "class": _present, "call": _called,
    "augmented": _augmented, "binary": _present, "unary": _present, "comp": _present,
    "await": _through,
}  # fmt: skip
