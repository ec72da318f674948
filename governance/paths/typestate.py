"""Typestate: which states an object can be in where its state attribute is written.

A forward execution over the statement tree with one set of states per object; an object is the definition a base
expression goes back to. Guards (comparisons, membership, predicates of the project, `match`, asserts) refine the set;
a fresh object is in its initial state; parameters and lookups can be in any. Helpers that get the object are followed
a few levels deep. After an `await` another task may have moved the object along the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from governance.contract import Ref
from governance.facts import Block, Node, Step
from governance.index import Index
from governance.index.values import ClassId, FunctionId
from governance.paths import state_writes
from governance.paths.filters import part, passed
from governance.paths.guards import refine
from governance.paths.handed import Handed, handed
from governance.paths.known import ANY, Env, Known, ObjectKey, Write, join, mentions, union
from governance.paths.state_values import States, StateValues

_ROUNDS: Final = 8
_DEPTH: Final = 3


@dataclass(slots=True)
class _Way:
    """Where a block can end: environments, None where it cannot."""

    normal: Env | None
    breaks: list[Env] = field(default_factory=list)
    continues: list[Env] = field(default_factory=list)
    raised: list[Env] = field(default_factory=list)


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
        self.module = ""
        self.scope = 0
        self._depth = 0
        self._returned: list[Known] = []
        self._exits: list[tuple[Env, int]] = []
        self._running: set[FunctionId] = set()

    def run(self, scope: tuple[str, int]) -> list[Write]:
        """The writes in one function (or module body), in no state in particular when it starts."""
        self.writes = {}
        self._enter(scope, {})
        return list(self.writes.values())

    def _enter(self, scope: tuple[str, int], env: Env) -> None:
        outer = (self.module, self.scope)
        self.module, self.scope = scope
        end = self._block(self.project.scope(scope).body, env)
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

    # Blocks

    def _block(self, block: Block, env: Env | None) -> _Way:
        way = _Way(env)
        for step in block:
            if way.normal is None:
                break
            inner = self._step(step, way.normal)
            way.normal = inner.normal
            way.breaks += inner.breaks
            way.continues += inner.continues
            way.raised += inner.raised
        return way

    def _step(self, step: Step, env: Env) -> _Way:
        kind = step[0]
        follow = _FOLLOWED.get(kind)
        if follow is not None:
            return follow(self, step, env)
        if kind in ("attr", "sub", "import"):
            return _Way(env, raised=[env])
        if kind == "raise":
            return _Way(None, raised=[env])
        if kind == "break":
            return _Way(None, breaks=[env])
        if kind == "continue":
            return _Way(None, continues=[env])
        return _Way(env)

    def _switch(self, step: Step, env: Env) -> _Way:
        moved = {key: Known(self.values.closure(each.states), True) for key, each in env.items()}
        return _Way(moved, raised=[moved])

    def _next(self, step: Step, env: Env) -> _Way:
        item = self.key(step[1])
        inner = {key: each for key, each in env.items() if not mentions(key, item)}
        source = self.node_at(step[1])
        each = passed(self, source[1]) if source[0] == "item" else ANY
        if each is not ANY:
            inner[item] = each
        return _Way(inner, raised=[env])

    def _with(self, step: Step, env: Env) -> _Way:
        return self._block(step[3], env)

    def _assert(self, step: Step, env: Env) -> _Way:
        return _Way(self._refine(env, step[2], True), raised=[env])

    def _branch(self, step: Step, env: Env) -> _Way:
        yes = self._block(step[2], self._refine(env, step[1], True))
        no = self._block(step[3], self._refine(env, step[1], False))
        return _both(yes, no)

    def _loop(self, step: Step, env: Env) -> _Way:
        _, kind, head, test, body, orelse = step
        raised: list[Env] = []
        breaks: list[Env] = []
        start: Env | None = env
        done: Env | None = None
        for _ in range(_ROUNDS):
            top = self._block(head, start)
            raised += top.raised
            into = top.normal
            over = top.normal if kind != "while" else None
            if into is not None and test >= 0:
                over = self._refine(into, test, False)
                into = self._refine(into, test, True)
                if self._is_true(test):
                    over = None
            inner = self._block(body, into)
            raised += inner.raised
            breaks += inner.breaks
            done = join([done, over])
            again = join([start, inner.normal, *inner.continues])
            if again == start:
                break
            start = again
        end = self._block(orelse, done)
        normal = join([end.normal, *breaks])
        return _Way(normal, end.breaks, end.continues, raised + end.raised)

    def _is_true(self, test: int) -> bool:
        node = self.node_at(test)
        return bool(node[0] == "const" and node[2])

    def _try(self, step: Step, env: Env) -> _Way:
        _, _, body, handlers, orelse, final, _ = step
        tried = self._block(body, env)
        after = self._block(orelse, tried.normal)
        way = _Way(after.normal, tried.breaks + after.breaks, tried.continues + after.continues, list(after.raised))
        thrown = join(tried.raised)
        for _, _, block in handlers:
            handled = self._block(block, dict(thrown) if thrown is not None else None)
            way = _both(way, handled)
        if not handlers and thrown is not None:
            way.raised.append(thrown)
        if final:
            way.normal = self._block(final, way.normal).normal if way.normal is not None else None
            way.breaks = [end for each in way.breaks if (end := self._block(final, each).normal) is not None]
            way.continues = [end for each in way.continues if (end := self._block(final, each).normal) is not None]
            escaped = join(way.raised)
            if escaped is not None:
                ended = self._block(final, escaped)
                way.raised = [ended.normal] if ended.normal is not None else []
        return way

    def _match(self, step: Step, env: Env) -> _Way:
        _, _, _, cases, exhaustive = step
        rest: Env | None = env
        way = _Way(None)
        for test, guard_block, guard, block in cases:
            into = self._refine(rest, test, True) if rest is not None else None
            if into is not None and guard >= 0:
                into = self._block(guard_block, into).normal
                into = self._refine(into, guard, True) if into is not None else None
            way = _both(way, self._block(block, into))
            if rest is not None and guard < 0:
                rest = self._refine(rest, test, False)
        if rest is not None and not exhaustive:
            way = _both(way, _Way(rest))
        return way

    def _return(self, step: Step, env: Env) -> _Way:
        if step[2] >= 0:
            self._returned.append(self.known(env, self.key(step[2])))
        self._exits.append((env, step[2]))
        return _Way(None)

    # Events

    def _bind(self, step: Step, env: Env) -> _Way:
        number = step[2]
        node = self.node_at(number)
        if node[0] in ("unpack", "enter"):
            bound = self.key(number)
            env = {key: each for key, each in env.items() if not mentions(key, bound)}
            if (each := part(self, number)) is not ANY:
                env[bound] = each
        return _Way(env)

    def _stored(self, step: Step, env: Env) -> _Way:
        return _Way(state_writes.store(self, step[1], env))

    def _call(self, step: Step, env: Env) -> _Way:
        number = step[1]
        node = self.node_at(number)
        ref = (self.module, number)
        name = self.called_name(node)
        if name in ("setattr", "__setattr__") and len(node[2]) >= 2:
            return _Way(state_writes.set_attribute(self, number, node, env), raised=[env])
        done = state_writes.updated_namespace(self, number, node, env)
        if done is None and name in state_writes.COPIERS:
            done = state_writes.copied(self, number, node, name, env)
        if done is not None:
            return _Way(done, raised=[env])
        if name == "next" and node[2] and (one := passed(self, node[2][0])) is not ANY:
            return _Way({**env, (self.module, number): one}, raised=[env])
        made = [cls for cls in self.index.type_objects((self.module, node[1])) if cls in self.classes]
        if name == "__init__":
            found = [each.function for each in self.index.callees(ref) if each.receiver is not None]
            made = [cls for each in found if (cls := self.project.owning_class(each)) in self.classes and cls]
        if made:
            return _Way(state_writes.made(self, number, node, made[0], env), raised=[env])
        after = self._helped(ref, node, env)
        return _Way(after, raised=[env, after] if after is not env else [env])

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

    # Guards

    def _refine(self, env: Env | None, test: int, positive: bool) -> Env | None:
        return refine(self, env, test, positive) if env is not None else None


_FOLLOWED: Final[Mapping[str, Callable[[Typestate, Step, Env], _Way]]] = {
    "store": Typestate._stored,
    "bind": Typestate._bind,
    "call": Typestate._call,
    "await": Typestate._switch,
    "yield": Typestate._switch,
    "next": Typestate._next,
    "if": Typestate._branch,
    "loop": Typestate._loop,
    "try": Typestate._try,
    "with": Typestate._with,
    "match": Typestate._match,
    "return": Typestate._return,
    "assert": Typestate._assert,
}


def _both(one: _Way, other: _Way) -> _Way:
    return _Way(
        join([one.normal, other.normal]),
        one.breaks + other.breaks,
        one.continues + other.continues,
        one.raised + other.raised,
    )
