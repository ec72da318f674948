"""Typestate: which states an object can be in where its state attribute is written.

A forward execution over the statement tree (`state_flow`) with one set of states per object; an object is the
definition a base expression goes back to. Guards (comparisons, membership, predicates of the project, `match`, asserts)
refine the set; a fresh object is in its initial state; parameters and lookups can be in any. Helpers that get the
object are followed a few levels deep. After an `await` another task may have moved the object along the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from governance.contract import Ref
from governance.facts import Node, Step
from governance.index import Index, definitions
from governance.index.values import ClassId, FunctionId
from governance.paths import decorated_guards, state_flow, state_writes
from governance.paths.filters import part, passed
from governance.paths.handed import Handed, handed
from governance.paths.keyword_writes import COPIERS, KeywordWrites
from governance.paths.known import ANY, Env, Known, ObjectKey, Write, mentions, union
from governance.paths.state_flow import Way
from governance.paths.state_values import States, StateValues

_DEPTH: Final = 3


@dataclass(frozen=True, slots=True)
class _Followed:
    """A function that was run: what it returns of governed objects, where it ends with which value, what it writes."""

    returned: list[Known]
    exits: list[tuple[Env, int]]
    writes: dict[Ref, Write]


class Typestate:
    """All writes of one attribute, function by function."""

    def __init__(self, index: Index, attribute: str, classes: frozenset[ClassId], values: StateValues) -> None:
        self.index = index
        self.project = index.project
        self.attribute = attribute
        self.classes = classes
        self.values = values
        self.writes: dict[Ref, Write] = {}
        self.contexts: dict[tuple[Ref, Ref], Write] = {}
        """What functions that were followed write, by the call and the place."""
        self.followed: set[tuple[FunctionId, Ref]] = set()
        self.reads: dict[ObjectKey, ObjectKey] = {}
        """Parameters of functions under way that are the state of an object."""
        self.watched: dict[ObjectKey, list[tuple[Env, Node]]] = {}
        """Names whose calls are noted, with what is known there."""
        self.keyword_writes = KeywordWrites(index, classes, attribute)
        self.module = ""
        self.scope = 0
        self._depth = 0
        self._returned: list[Known] = []
        self._exits: list[tuple[Env, int]] = []
        self._running: set[FunctionId] = set()

    def run(self, scope: tuple[str, int]) -> list[Write]:
        """The writes in one function (or module body), in no state in particular when it starts."""
        self.writes = {}
        self._enter(scope, decorated_guards.entered(self, scope) if scope[1] else {})
        return list(self.writes.values())

    def explore(self, scope: tuple[str, int], env: Env) -> None:
        """Run a function for what it does on the way; what it writes is judged elsewhere."""
        outer = (self._returned, self._exits, self.writes)
        self._returned, self._exits, self.writes = [], [], {}
        self._enter(scope, env)
        self._returned, self._exits, self.writes = outer

    def _enter(self, scope: tuple[str, int], env: Env) -> None:
        outer = (self.module, self.scope)
        self.module, self.scope = scope
        end = state_flow.block(self, self.project.scope(scope).body, env)
        if end.normal is not None:
            self._exits.append((end.normal, -1))
        self.module, self.scope = outer

    # Objects

    def key(self, number: int) -> ObjectKey:
        """The object an expression of the current module goes back to."""
        for _ in range(60):
            node = self.node_at(number)
            if node[0] == "local" and node[2] >= 0:
                number = node[2]
            elif node[0] in ("narrow", "annotated") and node[1 if node[0] == "narrow" else 2] >= 0:
                number = node[1] if node[0] == "narrow" else node[2]
            elif node[0] == "attr":
                return ("attr", self.key(node[1]), node[2])
            elif node[0] == "sub":
                index = self.node_at(node[2])
                return ("sub", self.key(node[1]), tuple(index) if index[0] == "const" else self.key(node[2]))
            elif node[0] == "free":
                return ("free", self.module, node[1])
            else:
                return (self.module, number)
        return (self.module, number)

    def known(self, env: Env, key: ObjectKey, depth: int = 6) -> Known:
        """What an environment says of an object; of a join, what it says of all that is joined."""
        found = env.get(key)
        if found is not None:
            return found
        if len(key) == 2 and isinstance(key[1], int) and key[0] == self.module and depth:
            node = self.node_at(key[1])
            if node[0] == "phi":
                inner = [self.known(env, self.key(each), depth - 1) for each in node[1] if self.key(each) != key]
                if inner and all(each.states is not None for each in inner):
                    united = frozenset[str]().union(*(each.states or () for each in inner))
                    return Known(united, any(each.switched for each in inner))
        return ANY

    def states(self, env: Env, number: int) -> States | None:
        """The states an expression may stand for: what a helper was given for a parameter, else what is known of it."""
        given = env.get(("value", *self.key(number)))
        return given.states if given is not None else self.values.of((self.module, number))

    def elements(self, env: Env, number: int) -> States | None:
        """The states that the elements of a container may be, `*states` as a call filled it included."""
        given = env.get(("value", *self.key(number)))
        return given.states if given is not None else self.values.elements((self.module, number))

    def node_at(self, number: int) -> Node:
        return self.project.modules[self.module].facts.nodes[number]

    def governed(self, number: int) -> bool:
        return any(cls in self.classes for cls in self.index.classes_of((self.module, number)))

    # Events

    def event(self, step: Step, env: Env) -> Way:
        """What a step that is no compound statement and no jump does."""
        happens = _EVENTS.get(step[0])
        return happens(self, step, env) if happens is not None else Way(env)

    def _yield(self, step: Step, env: Env) -> Way:
        if definitions.wrapper(self.index.solver, (self.module, self.scope)) == "contextmanager":
            return Way(env, raised=[env])  # what runs there is followed where it is written
        return self._switch(step, env)

    def _switch(self, step: Step, env: Env) -> Way:
        moved = {key: Known(self.values.closure(each.states), True) for key, each in env.items()}
        return Way(moved, raised=[moved])

    def _next(self, step: Step, env: Env) -> Way:
        item = self.key(step[1])
        inner = {key: each for key, each in env.items() if not mentions(key, item)}
        source = self.node_at(step[1])
        each = passed(self, source[1]) if source[0] == "item" else ANY
        if each is not ANY:
            inner[item] = each
        return Way(inner, raised=[env])

    def _return(self, step: Step, env: Env) -> Way:
        if step[2] >= 0:
            self._returned.append(self.known(env, self.key(step[2])))
        self._exits.append((env, step[2]))
        return Way(None)

    def _bind(self, step: Step, env: Env) -> Way:
        number = step[2]
        node = self.node_at(number)
        if node[0] in ("unpack", "enter"):
            bound = self.key(number)
            env = {key: each for key, each in env.items() if not mentions(key, bound)}
            if (each := part(self, number)) is not ANY:
                env[bound] = each
        return Way(self._pair(str(step[1]), number, env))

    def _pair(self, name: str, number: int, env: Env) -> Env:
        """`new = DONE` where the job is known to be RUNNING: the two belong together from here on."""
        known_here = any(known.states is not None for known in env.values())
        states = self.values.of((self.module, number)) if known_here else None
        result = env
        for key, known in env.items():
            others = frozenset(each for each in known.paired if each[0] != name)
            if states is not None and known.states is not None and key[0] != "value":
                others |= {(name, frozenset((one, to) for one in known.states for to in states))}
            if others != known.paired:
                result = {**result, key: replace(known, paired=others)}
        return result

    def _stored(self, step: Step, env: Env) -> Way:
        return Way(state_writes.store(self, step[1], env))

    def _call(self, step: Step, env: Env) -> Way:
        number = step[1]
        called = self.node_at(number)
        ref = (self.module, number)
        node = self._bound(ref, called)
        name = self.called_name(node)
        if self.watched and (noted := self.watched.get(self.key(called[1]))) is not None:
            noted.append((env, called))
        if name in ("setattr", "__setattr__") and len(node[2]) >= 2:
            return Way(state_writes.set_attribute(self, number, node, env), raised=[env])
        done = state_writes.updated_namespace(self, number, node, env)
        if done is None and name in COPIERS:
            done = state_writes.copied(self, number, node, name, env)
        if done is not None:
            return Way(done, raised=[env])
        if name == "next" and node[2] and (one := passed(self, node[2][0])) is not ANY:
            return Way({**env, (self.module, number): one}, raised=[env])
        made = [cls for cls in self.index.type_objects((self.module, node[1])) if cls in self.classes]
        if name == "__init__":
            found = [each.function for each in self.index.callees(ref) if each.receiver is not None]
            made = [cls for each in found if (cls := self.project.owning_class(each)) in self.classes and cls]
        if made:
            return Way(state_writes.made(self, number, node, made[0], env), raised=[env])
        how = self.keyword_writes.of_callee((self.module, node[1])) if node[3] else None
        if how is not None:
            return Way(state_writes.by_keywords(self, number, node, how, env), raised=[env])
        after = self._helped(ref, called, env)
        return Way(after, raised=[env, after] if after is not env else [env])

    def _bound(self, ref: Ref, node: Node) -> Node:
        """`partial(Parcel, state=x)` counts as the call that it stands for."""
        if node[2] and ("partial", *ref) in self.index.values(ref):
            return ["call", node[2][0], node[2][1:], node[3]]
        return node

    def called_name(self, node: Node) -> str:
        callee = self.node_at(node[1])
        return str(callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else "")

    def follow(self, function: FunctionId, given: Handed, env: Env) -> _Followed | None:
        """Run a function with what it is handed; None if it is under way already, or too deep."""
        if self._depth >= _DEPTH or function in self._running:
            return None
        outer = (self._returned, self._exits, self.writes, self.reads)
        self._returned, self._exits, self.writes = [], [], {}
        self.reads = {**self.reads, **given.reads}
        self._depth += 1
        self._running.add(function)
        self._enter(function, given.inside(self, env))
        found = _Followed(self._returned, self._exits, self.writes)
        self._depth -= 1
        self._running.discard(function)
        self._returned, self._exits, self.writes, self.reads = outer
        return found

    def _helped(self, ref: Ref, node: Node, env: Env) -> Env:
        """Follow a project function that gets a governed object or its state: what it leaves it in, and returns."""
        callees = self.index.callees(ref)
        if len({each.function for each in callees}) != 1:
            return self._forgotten(node, env) if callees else env
        given = handed(self, node, callees[0], env)
        if not given and not self._givesgoverned(ref):
            return env
        function = callees[0].function
        found = self.follow(function, given, env)
        if found is None:
            return self._forgotten(node, env)
        self.followed.add((function, ref))
        for write in found.writes.values():
            seen = self.contexts.get((ref, write.ref))
            self.contexts[ref, write.ref] = seen.joined(write) if seen is not None else write
        result = {**env, **given.outside([end for end, _ in found.exits])}
        if found.returned and self._givesgoverned(ref):
            result[(self.module, ref[1])] = union(found.returned)
        return result

    def _givesgoverned(self, ref: Ref) -> bool:
        return any(cls in self.classes for cls in self.index.classes_of(ref))

    def _forgotten(self, node: Node, env: Env) -> Env:
        """An object that went to code that is not followed can be in any state afterwards."""
        passed = {self.key(argument) for argument in node[2]} | {self.key(each) for _, each in node[3]}
        return {key: each for key, each in env.items() if key not in passed}


_EVENTS: Final[Mapping[str, Callable[[Typestate, Step, Env], Way]]] = {
    "store": Typestate._stored,
    "bind": Typestate._bind,
    "call": Typestate._call,
    "await": Typestate._switch,
    "yield": Typestate._yield,
    "next": Typestate._next,
    "return": Typestate._return,
}
