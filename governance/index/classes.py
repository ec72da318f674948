"""Classes: bases, method resolution order, subclasses and type parameters over modules."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Final, TypeAlias

from governance.contract import Ref
from governance.index.names import Names
from governance.index.project import Project
from governance.index.values import ClassId, Key, last_part

Env: TypeAlias = "tuple[tuple[Ref, Key], ...]"
"""Type variables (their defining node) bound to keys."""

_ENUMS: Final = frozenset(("enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag", "enum.ReprEnum"))
_NESTING: Final = 3


class Classes:
    """Class hierarchy of a project."""

    def __init__(self, project: Project, names: Names) -> None:
        self.project = project
        self.names = names
        self._bases: dict[ClassId, list[tuple[ClassId, Ref]]] = {}
        self._external: dict[ClassId, set[str]] = {}
        self._mro: dict[ClassId, list[ClassId]] = {}
        self._ancestry: dict[ClassId, set[str]] = {}
        self._type_params: dict[ClassId, list[Ref]] = {}
        self._subscripted: dict[ClassId, list[tuple[ClassId, int]]] = {}

    def bases(self, cls: ClassId) -> list[tuple[ClassId, Ref]]:
        """Direct bases that are project classes, with the node that writes each."""
        if cls not in self._bases:
            self._read(cls)
        return self._bases[cls]

    def _read(self, cls: ClassId) -> None:
        module, number = cls
        scope = self.project.modules[module].facts.scopes[number]
        bases: list[tuple[ClassId, Ref]] = []
        external: set[str] = set()
        for base in scope.bases:
            ref = (module, base)
            node = self.project.node(ref)
            name = (module, node[1]) if node[0] == "sub" else ref
            for entity in self.names.resolve(name):
                if entity[0] == "cls":
                    if entity[1] != cls:
                        bases.append((entity[1], ref))
                elif entity[0] == "ext":
                    external.add(entity[1])
                else:
                    external.add("?")
            if not self.names.resolve(name):
                external.add("?")
        self._bases[cls] = bases
        self._external[cls] = external

    def external_bases(self, cls: ClassId) -> set[str]:
        """Dotted names of external classes anywhere in the ancestry; "?" stands for a base that is not known."""
        result = self._ancestry.get(cls)
        if result is None:
            result = self._ancestry[cls] = set()
            for each in self.mro(cls):
                self.bases(each)
                result |= self._external[each]
        return result

    def subscripted_bases(self, cls: ClassId) -> list[tuple[ClassId, int]]:
        """Bases in the ancestry that are written with type arguments: the class, and the node that writes each."""
        found = self._subscripted.get(cls)
        if found is None:
            found = self._subscripted[cls] = [
                (each, base)
                for each in self.mro(cls)
                for base in self.project.scope(each).bases
                if self.project.node((each[0], base))[0] == "sub"
            ]
        return found

    def mro(self, cls: ClassId) -> list[ClassId]:
        """Project classes in method resolution order, the class itself first (C3; depth first where C3 fails)."""
        known = self._mro.get(cls)
        if known is None:
            known = self._linearise(cls, ())
            self._mro[cls] = known
        return known

    def _linearise(self, cls: ClassId, above: tuple[ClassId, ...]) -> list[ClassId]:
        if cls in self._mro:
            return self._mro[cls]
        direct = list(dict.fromkeys(base for base, _ in self.bases(cls) if base not in above))
        lines = [self._linearise(base, (*above, cls)) for base in direct]
        merged = _merge([*[list(line) for line in lines], list(direct)])
        if merged is None:
            merged = list(dict.fromkeys(each for line in lines for each in line))
        return [cls, *(each for each in merged if each != cls)]

    @cached_property
    def _children(self) -> dict[ClassId, set[ClassId]]:
        children: defaultdict[ClassId, set[ClassId]] = defaultdict(set)
        for cls in self.project.scopes("class"):
            for base, _ in self.bases(cls):
                children[base].add(cls)
        return dict(children)

    def subclasses(self, cls: ClassId) -> set[ClassId]:
        """The class and everything that inherits from it, directly or not."""
        result = {cls}
        todo = [cls]
        while todo:
            for child in self._children.get(todo.pop(), ()):
                if child not in result:
                    result.add(child)
                    todo.append(child)
        return result

    @cached_property
    def _metaclasses(self) -> dict[ClassId, list[ClassId]]:
        made: defaultdict[ClassId, list[ClassId]] = defaultdict(list)
        for cls in self.project.scopes("class"):
            for name, node in self.project.scope(cls).keywords:
                for entity in self.names.resolve((cls[0], node)) if name == "metaclass" else ():
                    if entity[0] == "cls":
                        made[entity[1]].append(cls)
        return dict(made)

    def made_by(self, metaclass: ClassId) -> list[ClassId]:
        """The classes that name a metaclass, or one derived from it, as theirs."""
        return [cls for each in sorted(self.subclasses(metaclass)) for cls in self._metaclasses.get(each, ())]

    def is_enum(self, cls: ClassId) -> bool:
        """Whether it is an enumeration."""
        return not _ENUMS.isdisjoint(self.external_bases(cls))

    def is_protocol(self, cls: ClassId) -> bool:
        """Whether it is a Protocol class itself (not merely an implementer of one)."""
        self.bases(cls)
        return any(last_part(name) == "Protocol" for name in self._external[cls])

    def is_dataclass(self, cls: ClassId) -> bool:
        """Whether fields declared in the body become constructor parameters."""
        module, number = cls
        for decorator in self.project.modules[module].facts.scopes[number].decorators:
            node = self.project.node((module, decorator))
            name = node[1] if node[0] == "call" else decorator
            if any(
                last_part(each) in ("dataclass", "define", "frozen", "mutable", "attrs")
                for each in self.names.dotted((module, name))
            ):
                return True
        return any(
            last_part(each) in ("NamedTuple", "BaseModel", "BaseSettings", "Struct")
            for each in self.external_bases(cls)
        ) or bool(self._made_fields(cls))

    def is_tuple(self, cls: ClassId) -> bool:
        """Whether instances are tuples of their fields."""
        return any(last_part(each) == "NamedTuple" for each in self.external_bases(cls)) or bool(self._made_fields(cls))

    def tuple_fields(self, ref: Ref) -> list[str]:
        """The field names that a call of `collections.namedtuple` writes; [] for any other node."""
        node = self.project.node(ref)
        if node[0] != "call" or len(node[2]) < 2:
            return []
        if "collections.namedtuple" not in self.names.dotted((ref[0], node[1])):
            return []
        written = self.project.node((ref[0], node[2][1]))
        if written[:2] == ["const", "str"]:
            return str(written[2]).replace(",", " ").split()
        parts = [self.project.node((ref[0], each)) for each in written[1]] if written[0] in ("list", "tuple") else []
        return [str(part[2]) for part in parts if part[:2] == ["const", "str"]]

    def _made_fields(self, cls: ClassId) -> list[str]:
        """The fields of `class C(namedtuple("C", "a b"))`, or of `class C(Base)` with a Base made so."""
        for each in self.mro(cls):
            for base in self.project.scope(each).bases:
                for entity in self.names.resolve((each[0], base)):
                    fields = self.tuple_fields((entity[1], entity[2])) if entity[0] == "node" else []
                    if fields:
                        return fields
        return []

    def lookup(self, cls: ClassId, name: str, after: ClassId | None = None) -> tuple[ClassId, list[Ref]] | None:
        """The class in the MRO whose body binds a name, and the binding nodes. `after`: start behind that class."""
        line = self.mro(cls)
        if after is not None and after in line:
            line = line[line.index(after) + 1 :]
        for each in line:
            scope = self.project.scope(each)
            if name in scope.bindings:
                numbers = scope.bindings[name]
                return each, [(each[0], number) for number in numbers if number >= 0]
        return None

    def annotation(self, cls: ClassId, name: str) -> tuple[ClassId, Ref] | None:
        """The nearest class that annotates an attribute in its body, with the annotation node."""
        for each in self.mro(cls):
            node = self.project.scope(each).annotations.get(name)
            if node is not None:
                return each, (each[0], node)
        return None

    def fields(self, cls: ClassId) -> list[str]:
        """Constructor fields of a dataclass-like class, in order, inherited first."""
        names = dict.fromkeys(self._made_fields(cls))
        for each in reversed(self.mro(cls)):
            names.update(dict.fromkeys(self.project.scope(each).annotations))
        return list(names)

    def positional(self, cls: ClassId, position: int) -> str:
        """The attribute that a positional part of a class pattern looks at, "" if not known."""
        bound = self.lookup(cls, "__match_args__")
        names = self.fields(cls) if bound is None else []
        for ref in bound[1] if bound else ():
            written = self.project.node(ref)
            parts = [self.project.node((ref[0], each)) for each in written[1]] if written[0] == "tuple" else []
            names = [str(part[2]) for part in parts if part[:2] == ["const", "str"]]
        return names[position] if position < len(names) else ""

    def type_params(self, cls: ClassId) -> list[Ref]:
        """Type variables of a generic class, in order, as their defining nodes."""
        known = self._type_params.get(cls)
        if known is None:
            known = self._type_params[cls] = self._declared_type_params(cls)
        return known

    def _declared_type_params(self, cls: ClassId) -> list[Ref]:
        module, _ = cls
        scope = self.project.scope(cls)
        if scope.type_params:
            return [(module, node) for _, node in scope.type_params]
        found: dict[Ref, None] = {}
        generic: dict[Ref, None] = {}
        for base in scope.bases:
            node = self.project.node((module, base))
            if node[0] != "sub":
                continue
            declares = any(last_part(name) in ("Generic", "Protocol") for name in self.names.dotted((module, node[1])))
            for argument in self.arguments((module, node[2])):
                for entity in self.names.resolve(argument):
                    if entity[0] == "node" and self.is_typevar((entity[1], entity[2])):
                        (generic if declares else found)[(entity[1], entity[2])] = None
        return list(generic or found)

    def arguments(self, ref: Ref) -> list[Ref]:
        """The expressions inside `X[...]`."""
        node = self.project.node(ref)
        if node[0] == "tuple":
            return [(ref[0], each) for each in node[1]]
        return [ref]

    def is_typevar(self, ref: Ref) -> bool:
        """Whether a node makes a type variable."""
        node = self.project.node(ref)
        if node[0] == "typevar":
            return True
        return node[0] == "call" and any(
            last_part(name) in ("TypeVar", "ParamSpec", "TypeVarTuple") for name in self.names.dotted((ref[0], node[1]))
        )

    def environment(self, cls: ClassId, targs: tuple[Key, ...], owner: ClassId) -> Env:
        """How the type variables of `owner`, an ancestor of `cls`, are bound in an instance of cls[targs]."""
        env: Env = tuple(zip(self.type_params(cls), targs, strict=False))
        return self._environment(cls, env, owner, _NESTING)

    def _environment(self, cls: ClassId, env: Env, owner: ClassId, depth: int) -> Env:
        if cls == owner or depth == 0:
            return env
        for base, ref in self.bases(cls):
            if owner in self.mro(base):
                node = self.project.node(ref)
                inner: Env = ()
                if node[0] == "sub":
                    keys = tuple(("t", argument[0], argument[1], env) for argument in self.arguments((ref[0], node[2])))
                    inner = tuple(zip(self.type_params(base), keys, strict=False))
                return self._environment(base, inner, owner, depth - 1)
        return ()


def _merge(lines: list[list[ClassId]]) -> list[ClassId] | None:
    result: list[ClassId] = []
    while lines := [line for line in lines if line]:
        for line in lines:
            head = line[0]
            if not any(head in other[1:] for other in lines):
                break
        else:
            return None
        result.append(head)
        lines = [[each for each in line if each != head] for line in lines]
    return result
