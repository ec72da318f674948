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

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from governance.contract import Ref
from governance.facts import Block, Node
from governance.index import constructed
from governance.index.values import ClassId, FunctionId
from governance.paths import natures
from governance.paths.frames import Frame, Work
from governance.paths.outcomes import Abstract, State
from governance.paths.tracked import blocks

if TYPE_CHECKING:
    from governance.paths.engine import Engine

_ENTERING: Final = frozenset(("__enter__", "__aenter__"))
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
            forms = self._forms(function, site, cls)
            names = {node[1] for node in self._nodes(function[0], forms) if node[0] == "local"}
            if not forms or (len(names) > 1 and site in _in_loops(scope.body)):
                continue  # made anew in every round, another name may still stand for the one before
            entered = [each for each in forms if self.index.project.node((function[0], each))[0] == "enter"]
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
        if node[:2] == ["const", "none"] or (node[0] == "const" and node[1] in ("bool", "str", "int")):
            return ("const", node[1], node[2])
        return None

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
        return own | {key[2] for key in keys if not self._functions(cls, key[2])}

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
            forms = self._forms(method, receiver.node, cls)
            returned = scope.name not in _ENTERING and set(forms) & {*scope.results}
            if not forms or returned or set(forms) & {*scope.yields}:
                return None
            keys = self.engine.followed(method)
            found |= {key[2] for key in keys if isinstance(key, tuple) and key[:2] == ("attr", receiver.name)}
        return frozenset(name for name in found if not self._functions(cls, name))

    def _forms(self, function: FunctionId, start: int, cls: ClassId) -> list[int]:
        """The nodes of a function that are the object; [] if somebody else may get hold of it."""
        module, number = function
        project = self.index.project
        facts = project.modules[module].facts
        scope = facts.scopes[number]
        found = [start]
        for node in found:
            for _, user in project.users((module, node)):
                fact = facts.nodes[user]
                if facts.owner[user] != number:
                    return []
                if fact[0] in ("local", "annotated") or (fact[0] == "narrow" and fact[1] == node):
                    found.append(user)
                elif fact[0] == "enter":
                    found += [user] if self._enters_itself(cls) else []
                elif fact[0] == "attr":
                    if not self._is_plain_use((module, user), cls):
                        return []
                elif fact[0] == "store_attr":
                    if fact[3] == node or self._functions(cls, fact[2]):
                        return []
                elif fact[0] not in ("compare", "not", "narrow"):
                    return []
        names = {node[1] for node in self._nodes(module, found) if node[0] == "local"}
        if facts.nodes[start][0] == "param":
            names.add(scope.params[facts.nodes[start][2]].name)
        if names & {*scope.global_names, *scope.nonlocal_names}:
            return []
        captured = any(fact[0] == "free" and fact[1] in names for fact in facts.nodes)
        return [] if captured and self._captures(function, names) else found

    def _captures(self, function: FunctionId, names: set[str]) -> bool:
        """Whether a nested function reads one of the names."""
        module, number = function
        facts = self.index.project.modules[module].facts
        return any(
            fact[0] == "free" and fact[1] in names and function in set(self.index.project.enclosing((module, owner)))
            for fact, owner in zip(facts.nodes, facts.owner, strict=True)
            if owner != number
        )

    def _is_plain_use(self, attribute: Ref, cls: ClassId) -> bool:
        """A method that is called at once, or an attribute that is none."""
        project = self.index.project
        name = project.node(attribute)[2]
        functions = self._functions(cls, name)
        if not functions:
            return not name.startswith("__")
        if any(natures.is_property(self.index, each) for each in functions):
            return True
        for call in project.users(attribute):
            if project.node(call)[:2] != ["call", attribute[1]]:
                return False
            later = any(project.scope(each).is_async or project.scope(each).is_generator for each in functions)
            if later and any(project.node(user)[0] != "await" for user in project.users(call)):
                return False
        return True

    def _functions(self, cls: ClassId, name: str) -> list[FunctionId]:
        bound = self.index.classes.lookup(cls, name)
        nodes = [(ref[0], self.index.project.node(ref)) for ref in bound[1]] if bound else []
        return [(module, node[1]) for module, node in nodes if node[0] == "function"]

    def _enters_itself(self, cls: ClassId) -> bool:
        """Whether entering an object gives that object."""
        functions = [each for name in sorted(_ENTERING) for each in self._functions(cls, name)]
        for function in functions:
            scope = self.index.project.scope(function)
            given = [self.index.project.node((function[0], each)) for each in scope.results]
            own = [node[0] == "local" and scope.params and node[2] == scope.params[0].node for node in given]
            if not own or not all(own):
                return False
        return True

    def _nodes(self, module: str, numbers: list[int]) -> Iterator[Node]:
        return (self.index.project.node((module, each)) for each in numbers)


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
