"""The index: every question a contract may ask about a project."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from governance.contract import Ref, Trail
from governance.files import Files, GivenFiles
from governance.findings import Grade
from governance.index import arguments, attributes, callees, chain, proxies
from governance.index.callees import Callee
from governance.index.classes import Classes
from governance.index.expressions import RULES, repeats
from governance.index.names import Names
from governance.index.project import Module, Project, ScopeId
from governance.index.protocols import Protocols
from governance.index.solver import Evidence, Solver
from governance.index.spelling import Spelling
from governance.index.values import NONE, ClassId, FunctionId, Key, Value, class_of, type_object

_VAGUE = 60
_BARE = frozenset(("builtins.object", "abc.ABC", "typing.Generic", "typing.Protocol"))
"""External base classes that give no attributes of interest."""


class Index:
    """Facts of all modules, joined. Answers are computed on demand and kept. files: the project's files of any kind."""

    def __init__(self, modules: Iterable[Module], files: Files | None = None) -> None:
        self.project = Project(modules)
        self.files: Files = files or GivenFiles()
        self.names = Names(self.project)
        self.classes = Classes(self.project, self.names)
        self.solver = Solver(self.project, self.names, self.classes, RULES, repeats)
        self.protocols = Protocols(self.solver)
        self.spelling = Spelling(self.project)

    def prefer(self, symbols: Iterable[str]) -> None:
        """Tell what the questions will be about: it is never given up where too many values come together."""
        for symbol in symbols:
            scope = self.find(symbol)
            if scope is None or self.project.scope(scope).kind == "module":
                continue
            owner = scope if self.project.scope(scope).kind == "class" else self.project.owning_class(scope)
            self.solver.wanted |= self.subclasses(owner) if owner else {scope}
            self.solver.wanted |= self.overrides(scope) if owner != scope else set()

    def values(self, ref: Ref) -> Mapping[Value, Evidence]:
        """What a node may be; empty if that is not known."""
        return self.solver.ask(("n", *ref))

    def annotation(self, module: str, node: int) -> Mapping[Value, Evidence]:
        """The instances an annotation expression stands for."""
        return self.solver.ask(("t", module, node, ()))

    def parameter(self, function: FunctionId, index: int) -> Mapping[Value, Evidence]:
        """What a parameter may be."""
        return self.solver.ask(("param", *function, index))

    def result(self, function: FunctionId) -> Mapping[Value, Evidence]:
        """What calling a function gives."""
        return self.solver.ask(("ret", *function))

    def attribute(self, cls: ClassId, name: str) -> Mapping[Value, Evidence]:
        """What is stored in an attribute of instances of a class, besides what its class body says."""
        return self.solver.ask(("attr", cls, name))

    def mro(self, cls: ClassId) -> list[ClassId]:
        """Project classes in method resolution order, the class itself first."""
        return self.classes.mro(cls)

    def subclasses(self, cls: ClassId) -> set[ClassId]:
        """The class and everything that inherits from it."""
        return self.classes.subclasses(cls)

    def external_bases(self, cls: ClassId) -> set[str]:
        """Dotted names of external classes in the ancestry, "?" for one that is not known."""
        return self.classes.external_bases(cls)

    def is_enum(self, cls: ClassId) -> bool:
        """Whether a class is an enumeration."""
        return self.classes.is_enum(cls)

    def find(self, symbol: str) -> ScopeId | None:
        """The module, class or function an anchor names: where it is defined, re-exported or inherited."""
        direct = self.project.find(symbol)
        if direct is not None:
            return direct
        module, rest = self.project.split(symbol)
        if module not in self.project.modules or not rest:
            return None
        first, *others = rest.split(".")
        for entity in self.names.member(module, first):
            scope = self._descend(entity, others)
            if scope is not None:
                return scope
        return None

    def _descend(self, entity: tuple[object, ...], names: list[str]) -> ScopeId | None:
        if entity[0] not in ("cls", "fn"):
            return None
        scope: ScopeId = entity[1]  # type: ignore[assignment]  # cls and fn entities carry a scope id
        for name in names:
            inner = self.project.child(scope, name)
            if inner is None and self.project.scope(scope).kind == "class":
                found = self.classes.lookup(scope, name)
                for ref in found[1] if found else ():
                    node = self.project.node(ref)
                    if node[0] in ("function", "class"):
                        inner = (ref[0], int(node[1]))
            if inner is None:
                return None
            scope = inner
        return scope

    def suggest(self, symbol: str) -> str:
        """The nearest existing symbol, "" if none is near."""
        return self.project.suggest(symbol)

    def overrides(self, method: FunctionId) -> set[FunctionId]:
        """A method and all that overrides it in subclasses; of a Protocol also what implements it structurally."""
        owner = self.project.owning_class(method)
        if owner is None:
            return {method}
        name = self.project.scope(method).name
        found = {method}
        classes = self.subclasses(owner)
        if self.is_protocol(owner):
            classes = classes | self.protocols.implementers(owner)
        for cls in classes:
            found.update(
                each for each in self.project.children(cls, name) if self.project.scope(each).kind == "function"
            )
        return found

    def callees(self, call: Ref) -> list[Callee]:
        """Project functions a call may run; constructors count as `__init__`; overrides in subclasses as PROBABLE."""
        return self.runs((call[0], self.project.node(call)[1]))

    def runs(self, ref: Ref) -> list[Callee]:
        """The same for a node whose value is called, there or elsewhere."""
        return callees.run_by(self.solver, ("n", *ref))

    def externals(self, call: Ref) -> set[str]:
        """Dotted names of external functions a call may run; methods of external objects as `Class.method`."""
        node = self.project.node(call)
        found = set()
        for value in self.values((call[0], node[1])):
            if value[0] == "ext":
                found.add(value[1])
            elif value[0] == "xmeth":
                found.add(f"{value[1]}.{value[2]}")
        return found

    def chain(self, ref: Ref, value: Value) -> tuple[Trail, ...]:
        """Why a node may be that value: the steps from the node back to where the value comes from."""
        return self.trail(("n", *ref), value)

    def trail(self, key: Key, value: Value) -> tuple[Trail, ...]:
        """The same for any key."""
        self.solver.ask(key)
        return chain.explain(self.solver, key, value)

    def uses(self, ref: Ref) -> list[Ref]:
        """Every node that uses the value of a node in the same module, through local names, joins and narrowing."""
        seen: set[Ref] = set()
        result: list[Ref] = []
        todo = [ref]
        while todo:
            current = todo.pop()
            for user in self.project.users(current):
                if user in seen:
                    continue
                seen.add(user)
                node = self.project.node(user)
                if node[0] in ("local", "phi", "narrow", "annotated", "ifexp", "and", "or"):
                    if node[0] == "narrow" and node[1] != current[1]:
                        continue
                    if node[0] == "ifexp" and node[1] == current[1]:
                        continue
                    todo.append(user)
                else:
                    result.append(user)
        return result

    def vague(self, ref: Ref) -> Ref | None:
        """A node behind this one that nothing is known about, though something may be known of the others: an argument
        of another call, another branch. None if everything is known."""
        seen: set[Key] = set()
        todo: list[Key] = [("n", *ref)]
        while todo and len(seen) < _VAGUE:
            key = todo.pop()
            if key in seen:
                continue
            seen.add(key)
            node = self.project.node((key[1], key[2]))
            if node[0] == "local" and node[2] >= 0:
                todo.append(("n", key[1], node[2]))
            elif node[0] == "narrow":
                if not any(class_of(value) for value in self.solver.ask(key)):
                    todo.append(("n", key[1], node[1]))
            elif node[0] in ("phi", "or"):
                todo += [("n", key[1], each) for each in node[1]]
            elif node[0] in ("and", "ifexp"):
                todo += [("n", key[1], each) for each in (node[1][-1:] if node[0] == "and" else node[2:4])]
            elif node[0] == "param":
                param: Key = ("param", key[1], node[1], node[2])
                known = self.solver.ask(param)
                links = self.solver.sources.get(param, {}) if param not in self.solver.closed else {}
                given = [source for source, (_, note) in links.items() if note == arguments.ARGUMENT]
                is_cut = (key[1], node[1]) in self.solver.cut and param not in self.solver.closed
                if is_cut or (not known and not given):
                    return (key[1], key[2])
                todo += given
            elif not self.solver.ask(key):
                return (key[1], key[2])
        return None

    def unresolved(self, ref: Ref) -> str:
        """Why nothing is known about a node."""
        return chain.reason(self.project, self.names, ref)

    def elements(self, ref: Ref) -> Mapping[Value, Evidence]:
        """What iterating over a node yields."""
        return self.solver.ask(("items", *ref))

    def member(self, module: str, name: str) -> Mapping[Value, Evidence]:
        """What a module's attribute may be."""
        return self.solver.ask(("glob", module, name))

    def loaded(self, values: Mapping[Value, Grade], name: str) -> Mapping[Value, Evidence]:
        """What attribute `name` of these values may be."""
        out: dict[Value, Evidence] = {}
        for _ in range(2):  # the second time with answers that have settled
            for value, grade in values.items():
                attributes.attribute(self.solver, ("none",), value, grade, name, out)
            self.solver.settle()
        return out

    def forwarded(self, values: Mapping[Value, Evidence], name: str) -> Mapping[Value, Evidence]:
        """The objects behind proxies among these values: those that `__getattr__` reads an attribute it lacks off."""
        found: dict[Value, Evidence] = {}
        for value, evidence in values.items():
            if value[0] in ("inst", "self") and self.classes.lookup(value[1], name) is None:
                for behind in proxies.forwards(self.solver, value[1]):
                    for each, reason in self.solver.ask(behind).items():
                        grade = min(Grade(evidence.grade), Grade(reason.grade), Grade.PROBABLE)
                        found.setdefault(each, Evidence(grade, "__getattr__", behind, each))
        return found

    def lacks(self, ref: Ref, name: str) -> bool:
        """Whether something is known of a node, plain values aside, but nothing that has an attribute of that name."""
        values = self.values(ref)
        telling = any(value == NONE or value[0] != "const" for value in values)
        return telling and all(self._lacks(value, name) for value in values)

    def _lacks(self, value: Value, name: str) -> bool:
        if value[0] == "const":
            return not hasattr({"str": str, "int": int, "bool": bool}.get(value[1]), name)
        if value[0] not in ("inst", "self"):
            return False
        if not self.external_bases(value[1]) <= _BARE:
            return False
        heirs = self.subclasses(value[1])
        return not self.loaded({value: Grade.DEFINITE}, name) and not any(
            name in self.project.scope(each).bindings for each in heirs
        )

    def implements(self, cls: ClassId, protocol: ClassId) -> bool:
        """Whether a class provides every attribute and method a Protocol declares, these with a compatible arity."""
        return self.protocols.implements(cls, protocol)

    def is_protocol(self, cls: ClassId) -> bool:
        """Whether a class is itself a Protocol."""
        return self.classes.is_protocol(cls)

    def classes_of(self, ref: Ref) -> dict[ClassId, tuple[Grade, Value]]:
        """The project classes a node may be an instance of, with the best grade and the value that says so."""
        found: dict[ClassId, tuple[Grade, Value]] = {}
        for value, evidence in self.values(ref).items():
            cls = class_of(value)
            if cls is not None and (cls not in found or found[cls][0] < evidence.grade):
                found[cls] = (Grade(evidence.grade), value)
        return found

    def type_objects(self, ref: Ref) -> dict[ClassId, tuple[Grade, Value]]:
        """The project classes a node may itself be."""
        found: dict[ClassId, tuple[Grade, Value]] = {}
        for value, evidence in self.values(ref).items():
            cls = type_object(value)
            if cls is not None and (cls not in found or found[cls][0] < evidence.grade):
                found[cls] = (Grade(evidence.grade), value)
        return found
