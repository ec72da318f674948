"""Objects made here: those that a function makes and keeps to itself, so that their flags can be followed.

    ticket = Ticket(metrics)
    try:
        plugin.run()
        ticket.finish(True)
    finally:
        ticket.finish(False)  # returns at once if `self.done` has been set

Such an object is told by the expression that makes it. It is followed only if nobody else gets hold of it: the function
calls its methods and reads and writes its attributes, and its methods do no more with `self`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from governance.contract import Ref
from governance.facts import Block, Node
from governance.index import constructed
from governance.index.values import ClassId, FunctionId
from governance.paths import natures
from governance.paths.abstract import constant
from governance.paths.frames import Frame, Work
from governance.paths.keeping import ENTERING, Keeping
from governance.paths.outcomes import Abstract, State
from governance.paths.tracked import blocks

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_UNUSUAL: Final = frozenset(
    ("__new__", "__setattr__", "__getattribute__", "__getattr__", "__delattr__", "__del__", "__post_init__")
)


class Made(NamedTuple):
    """An object that a function makes. site: the call; flags: its attributes that tests look at."""

    site: int
    cls: ClassId
    flags: frozenset[str]


class Objects:
    """Finds the objects that functions make and keep to themselves."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.index = engine.index
        self.keeping = Keeping(engine.index)
        self._stored: dict[tuple[FunctionId, frozenset[str]], frozenset[str]] = {}
        self._flags: dict[ClassId, frozenset[str] | None] = {}

    def made(self, function: FunctionId) -> Mapping[int, Made]:
        """The objects, by the expressions they come from: the call, and what entering them gives."""
        found: dict[int, Made] = {}
        scope = self.index.project.scope(function)
        for site in _calls(scope.body) if function[1] else ():
            cls = self._class_of((function[0], site))
            flags = self._tested(cls, function) if cls is not None else frozenset()
            if cls is None or not flags:
                continue
            forms = self.keeping.forms(function, site, cls)
            nodes = {each: self.index.project.node((function[0], each)) for each in forms}
            names = {node[1] for node in nodes.values() if node[0] == "local"}
            if not forms or (len(names) > 1 and site in _in_loops(scope.body)):
                continue  # made anew in every round, another name may still stand for the one before
            entered = [each for each, node in nodes.items() if node[0] in ("enter", "unpack")]
            found |= dict.fromkeys((site, *entered), Made(site, cls, flags))
        return found

    def fresh(self, frame: Frame, made: Made, state: State) -> State:
        """The state with what is known of an object before its `__init__` runs."""
        this = frame.made[made.site]
        call = frame.ref(made.site)
        given = constructed.held(self.index, call) if not self.engine.method(made.cls, "__init__") else {}
        for flag in sorted(made.flags):
            ref = given.get(flag)
            local = ref is not None and ref[0] == frame.module and frame.facts.owner[ref[1]] == frame.function[1]
            value = self.engine.truth.evaluate(frame, ref[1], state) if ref and local else self._default(made.cls, flag)
            state = state.with_value((this.number, flag), value)
        return state

    def stored(self, function: FunctionId, flags: frozenset[str]) -> frozenset[str]:
        """The variables of a function that it stores in flags."""
        key = (function, flags)
        if key not in self._stored:
            facts = self.index.project.modules[function[0]].facts
            values = [
                _one_of(facts.nodes, facts.nodes[fact[3]])
                for fact, owner in zip(facts.nodes, facts.owner, strict=True)
                if owner == function[1] and fact[0] == "store_attr" and fact[2] in flags
            ]
            self._stored[key] = frozenset(value[1] for value in values if value[0] == "local")
        return self._stored[key]

    def _default(self, cls: ClassId, name: str) -> Abstract | None:
        """The constant that a class gives an attribute."""
        bound = self.index.classes.lookup(cls, name)
        if bound is None or len(bound[1]) != 1:
            return None
        module, number = bound[1][0]
        node = self.index.project.node((module, number))
        if node[0] == "annotated":
            node = self.index.project.node((module, node[2])) if node[2] >= 0 else ["at", ""]
        if node[0] == "call":  # field(default=False)
            given = dict(node[3]).get("default", -1)
            node = self.index.project.node((module, given)) if given >= 0 else node
        return constant(node)

    def _class_of(self, call: Ref) -> ClassId | None:
        callee = (call[0], self.index.project.node(call)[1])
        classes = list(self.index.type_objects(callee))
        return classes[0] if len(classes) == 1 == len(self.index.values(callee)) else None

    def _tested(self, cls: ClassId, function: FunctionId) -> frozenset[str]:
        """The attributes that tests look at, in the methods of a class and in the function that makes its object."""
        if cls not in self._flags:
            self._flags[cls] = self._flags_of(cls)
        own = self._flags[cls]
        if own is None:
            return frozenset()
        keys = (key for key in self.engine.followed(function) if isinstance(key, tuple) and key[0] == "attr")
        return own | {key[2] for key in keys if not self.keeping.functions(cls, key[2])}

    def _flags_of(self, cls: ClassId) -> frozenset[str] | None:
        """The attributes that decide what methods do; None if those hand `self` on, or have no say in what is owed."""
        line = self.index.mro(cls)
        scopes = [self.index.project.scope(each) for each in line]
        methods = [
            (each[0], int(self.index.project.node((each[0], node))[1]))
            for each, scope in zip(line, scopes, strict=True)
            for nodes in scope.bindings.values()
            for node in nodes
            if node >= 0 and self.index.project.node((each[0], node))[0] == "function"
        ]
        if not any(self.engine.matters(Work(method)) for method in methods):
            return None
        if any(_UNUSUAL & scope.bindings.keys() for scope in scopes) or not natures.is_plain(self.index, cls):
            return None
        decorated = (each for each, scope in zip(line, scopes, strict=True) if scope.decorators)
        if not all(self.index.classes.is_dataclass(each) for each in decorated):
            return None
        found: set[str] = set()
        for method in methods:
            scope = self.index.project.scope(method)
            if natures.is_static(self.engine, method) or not scope.params:
                continue
            receiver = scope.params[0]
            forms = self.keeping.forms(method, receiver.node, cls)
            returned = scope.name not in ENTERING and set(forms) & {*scope.results}
            if not forms or returned or set(forms) & {*scope.yields}:
                return None
            keys = self.engine.followed(method)
            found |= {key[2] for key in keys if isinstance(key, tuple) and key[:2] == ("attr", receiver.name)}
        return frozenset(name for name in found if not self.keeping.functions(cls, name))


def _one_of(nodes: Sequence[Node], value: Node) -> Node:
    """`self.a, self.b = a, b`: what one of them gets."""
    source: Node = nodes[value[1]] if value[0] == "unpack" and not value[3] else ["none"]
    return nodes[source[1][value[2]]] if source[0] == "tuple" and 0 <= value[2] < len(source[1]) else value


def _calls(body: Block) -> Iterator[int]:
    for step in body:
        if step[0] == "call":
            yield step[1]
        for inner in blocks(step):
            yield from _calls(inner)


def _in_loops(body: Block) -> set[int]:
    found: set[int] = set()
    for step in body:
        for inner in blocks(step):
            found |= set(_calls(inner)) if step[0] == "loop" else _in_loops(inner)
    return found
