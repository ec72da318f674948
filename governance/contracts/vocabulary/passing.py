"""Passing: words handed to parameters, constructors and copies that are declared to take them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from governance.contract import Ref
from governance.contracts.vocabulary import arguments
from governance.contracts.vocabulary.annotations import Shape
from governance.contracts.vocabulary.arguments import Given
from governance.contracts.vocabulary.declared import defaulted
from governance.contracts.vocabulary.mentions import names_one_of
from governance.contracts.vocabulary.sites import Scene, Site
from governance.findings import Grade
from governance.index.binding import FOLLOWED
from governance.index.values import ClassId, FunctionId, last_part

_COPIES: Final = frozenset(("replace", "_replace", "evolve", "assoc", "model_copy", "copy", "model_construct"))
_STATEMENTS: Final = frozenset(("update", "insert"))
_VALIDATORS: Final = frozenset(("model_validate", "parse_obj", "validate_python"))


def sites(scene: Scene) -> Iterator[Site]:
    """Every argument and default for a governed parameter or field."""
    passing = _Passing(scene)
    project = scene.index.project
    for function in project.scopes("function"):
        yield from passing.defaults(function)
    for call in project.all_calls:
        yield from passing.call(call)


class _Passing:
    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.index = scene.index
        self.taking = self._taking()
        self.holding = self._holding()
        names = {self.index.project.scope(function).name for function in self.taking}
        names |= {self.index.project.scope(cls).name for cls in self.holding}
        for function in self.taking:
            owner = self.index.project.owning_class(function)
            if owner is not None and self.index.project.scope(function).name in ("__init__", "__new__", "__call__"):
                names |= {self.index.project.scope(each).name for each in self.index.subclasses(owner)} | {"cls"}
        self.names = scene.index.spelling.bound_to(names)
        self.handed_on = any(self.index.project.mentions(name) for name in self.names)
        """Whether any of the functions is an argument of a call, so that calls of parameters may be calls of it."""

    def _taking(self) -> dict[FunctionId, dict[int, Shape]]:
        """Functions with governed parameters."""
        found: dict[FunctionId, dict[int, Shape]] = {}
        for function in self.index.project.scopes("function"):
            facts = self.index.project.modules[function[0]].facts
            for position, param in enumerate(facts.scopes[function[1]].params):
                listed = position in self.scene.vocabulary.parameters.get(function, ())
                if not listed and not self.scene.mentions.enum(facts, param.annotation):
                    continue
                shape = self.scene.shapes.parameter(function, position)
                if shape is not None:
                    found.setdefault(function, {})[position] = shape
        return found

    def _holding(self) -> dict[ClassId, dict[str, Shape]]:
        """Classes with governed fields that their generated constructor takes."""
        found: dict[ClassId, dict[str, Shape]] = {}
        classes = self.index.classes
        for cls in self.index.project.scopes("class"):
            for name in self.scene.mentions.attributes.intersection(classes.fields(cls)):
                shape = self.scene.shapes.attribute(cls, name)
                if shape is not None:
                    found.setdefault(cls, {})[name] = shape
            for name, owners in self.scene.vocabulary.attributes.items():
                shape = self.scene.shapes.attribute(cls, name) if cls in owners else None
                if shape is not None:
                    found.setdefault(cls, {})[name] = shape
        return found

    def defaults(self, function: FunctionId) -> Iterator[Site]:
        """Defaults of governed parameters."""
        for position, shape in self.taking.get(function, {}).items():
            param = self.index.project.scope(function).params[position]
            if param.default >= 0 and param.kind in ("positional", "normal", "keyword"):
                yield from defaulted(
                    self.scene.index, (function[0], param.default), shape, "argument", "is the default of"
                )

    def call(self, ref: Ref) -> Iterator[Site]:
        """A call that constructs, calls, copies or defers."""
        node = self.index.project.node(ref)
        callee = self.index.project.node((ref[0], node[1]))
        name = callee[2] if callee[0] == "attr" else callee[1] if callee[0] in ("free", "local") else None
        if name in _VALIDATORS and callee[0] == "attr":
            yield from self._validated(ref, (ref[0], callee[1]))
        if name in _COPIES:
            yield from self._copied(ref, str(name))
        if name == "values" and callee[0] == "attr" and node[3]:
            yield from self._columns(ref, callee[1])
        if name in FOLLOWED or (name in ("Thread", "Process", "Timer") and node[3]):
            yield from self._deferred(ref, str(name))
        if name == "__init__" and self.holding:
            yield from self._initialised(ref, (ref[0], callee[1]))
        if self._may_concern(ref, node[1]):
            yield from self._constructed(ref)
            yield from self._called(ref)

    def _may_concern(self, ref: Ref, callee: int) -> bool:
        """A cheap test: does the callee go by a name of something governed, or is it unknown by name?"""
        known = self.index.project.last_name((ref[0], callee))
        if known is None or known in self.names or "__call__" in self.names:
            return True
        if names_one_of(self.index.project.modules[ref[0]].facts, callee, self.names):
            return True
        return self.handed_on and self.scene.occurrences.callers.parameter((ref[0], callee)) is not None

    def _called(self, ref: Ref) -> Iterator[Site]:
        kept = arguments.kept(self.index, ref)
        for callee in self.index.callees(ref):
            wanted = self.taking.get(callee.function)
            if wanted:
                scope = self.index.project.scope(callee.function)
                taken = int(callee.receiver is not None) + kept
                for position, given in arguments.to_parameters(self.index, ref, scope, taken):
                    if position in wanted:
                        shape = wanted[position]
                        yield self._argument(given, shape.named(shape.text, callee.grade))
                yield from self._collected(ref, callee.function, wanted, taken)

    def _collected(self, ref: Ref, function: FunctionId, wanted: dict[int, Shape], taken: int) -> Iterator[Site]:
        """Arguments that `*states: State` and `**states: State` collect."""
        params = self.index.project.scope(function).params
        takers = [each for each in params if each.kind in ("positional", "normal")]
        named = {each.name for each in params if each.kind in ("normal", "keyword")}
        for position, shape in wanted.items():
            if params[position].kind == "vararg" and shape.parts[0] is not None:
                for order, given in enumerate(arguments.positional(self.index, ref), start=taken):
                    if order >= len(takers):
                        yield self._argument(given, shape.parts[0].named(shape.text))
            elif params[position].kind == "kwarg" and shape.parts[1] is not None:
                for name, given in arguments.keywords(self.index, ref):
                    if name not in named:
                        yield self._argument(given, shape.parts[1].named(shape.text))

    def _argument(self, given: Given, shape: Shape) -> Site:
        place = None if given.ref == given.place else given.place
        return Site(given.ref, shape, "argument", "is passed as", place)

    def _constructed(self, ref: Ref) -> Iterator[Site]:
        node = self.index.project.node(ref)
        callee = (ref[0], node[1])
        for cls, (grade, _) in self.index.type_objects(callee).items():
            fields = self.index.classes.fields(cls)
            given = [*zip(fields, arguments.positional(self.index, ref), strict=False)]
            yield from self._fields(cls, [*given, *arguments.keywords(self.index, ref)], grade)
        for value, evidence in self.index.values(callee).items():
            if value[0] == "partial" and self.index.project.node((value[1], value[2]))[2]:
                made = (value[1], self.index.project.node((value[1], value[2]))[2][0])
                for cls, (grade, _) in self.index.type_objects(made).items():
                    best = min(grade, Grade(evidence.grade))
                    yield from self._fields(cls, arguments.keywords(self.index, ref), best)

    def _initialised(self, ref: Ref, base: Ref) -> Iterator[Site]:
        """`super().__init__("x", state)`, `Record.__init__(self, "x", state)` where that constructor is generated."""
        owner = self.index.project.owning_class(self.index.project.owner(ref))
        named = self.index.type_objects(base)
        given = list(arguments.positional(self.index, ref))[1 if named else 0 :]
        for cls in named or (self.index.mro(owner)[1:] if owner is not None else ()):
            if self.index.project.child(cls, "__init__") is not None:
                return
            if self._takes_fields(cls):
                fields = zip(self.index.classes.fields(cls), given, strict=False)
                yield from self._fields(cls, [*fields, *arguments.keywords(self.index, ref)], Grade.DEFINITE)
                return

    def _fields(self, cls: ClassId, given: Iterable[tuple[str, Given]], grade: Grade) -> Iterator[Site]:
        """Values for the fields of a class whose constructor is generated."""
        held = self.holding.get(cls)
        if not held or self.index.classes.lookup(cls, "__init__") is not None or not self._takes_fields(cls):
            return
        for name, each in given:
            if name in held:
                yield self._argument(each, held[name].named(held[name].text, grade))

    def _takes_fields(self, cls: ClassId) -> bool:
        """Whether the constructor is generated from the annotations: of dataclasses, models and TypedDicts."""
        if any(self.index.classes.is_dataclass(each) for each in self.index.mro(cls)):
            return True
        return any(last_part(base) == "TypedDict" for base in self.index.external_bases(cls))

    def _copied(self, ref: Ref, name: str) -> Iterator[Site]:
        """`replace(record, state=x)`, `record._replace(state=x)`, `record.model_copy(update={"state": x})`."""
        node = self.index.project.node(ref)
        callee = self.index.project.node((ref[0], node[1]))
        original = (ref[0], node[2][0]) if node[2] else None
        if callee[0] == "attr" and name in ("_replace", "model_copy", "copy", "model_construct"):
            original = (ref[0], callee[1])
        if original is None:
            return
        owners = self.index.classes_of(original)
        if name == "model_construct":
            owners = self.index.type_objects(original)
        held = {each: (shape, grade) for cls, (grade, _) in owners.items() for each, shape in self._held(cls)}
        if not held:
            return
        named = list(arguments.keywords(self.index, ref))
        for option, given in list(named):
            if option == "update":
                named.extend(arguments.entries(self.index, given.ref))
        for option, given in named:
            if option in held:
                shape, grade = held[option]
                yield self._argument(given, shape.named(shape.text, grade))

    def _validated(self, ref: Ref, model: Ref) -> Iterator[Site]:
        """`Model.model_validate({"state": x})`."""
        for cls, (grade, _) in self.index.type_objects(model).items():
            for given in list(arguments.positional(self.index, ref))[:1]:
                yield from self._fields(cls, arguments.entries(self.index, given.ref), grade)

    def _columns(self, ref: Ref, statement: int) -> Iterator[Site]:
        """`update(Row).where(...).values(state=x)`, `insert(Row).values(...)`: the columns of a mapped class."""
        node = self.index.project.node((ref[0], statement))
        while node[0] == "call":
            callee = self.index.project.node((ref[0], node[1]))
            if callee[0] == "attr" and self.index.project.node((ref[0], callee[1]))[0] == "call":
                node = self.index.project.node((ref[0], callee[1]))
            elif self.index.project.last_name((ref[0], node[1])) in _STATEMENTS and node[2]:
                for cls, (grade, _) in self.index.type_objects((ref[0], node[2][0])).items():
                    held = {each: shape for owner in self.index.mro(cls) for each, shape in self._mapped(owner)}
                    for name, given in arguments.keywords(self.index, ref):
                        if name in held:
                            yield self._argument(given, held[name].named(held[name].text, grade))
                return
            else:
                return

    def _mapped(self, cls: ClassId) -> Iterator[tuple[str, Shape]]:
        """The attributes of a class that are declared to hold words, `Mapped[State]` included."""
        for name in self.scene.mentions.attributes | set(self.scene.vocabulary.attributes):
            if self.index.classes.annotation(cls, name) is not None or self.index.classes.lookup(cls, name) is not None:
                shape = self.scene.shapes.attribute(cls, name)
                if shape is not None:
                    yield name, shape

    def _held(self, cls: ClassId) -> list[tuple[str, Shape]]:
        return list(self.holding.get(cls, {}).items())

    def _deferred(self, ref: Ref, name: str) -> Iterator[Site]:
        """`partial(f, x)`, `pool.submit(f, x)`, `Thread(target=f, args=(x,), kwargs={...})`."""
        node = self.index.project.node(ref)
        skip = FOLLOWED.get(name, 0)
        targets = [(ref[0], number) for option, number in node[3] if option in ("target", "function")]
        if skip and len(node[2]) >= skip:
            targets.append((ref[0], node[2][skip - 1]))
        for target in targets:
            for cls, (grade, _) in self.index.type_objects(target).items():
                positional = arguments.positional(self.index, ref, skip)
                given = [*zip(self.index.classes.fields(cls), positional, strict=False)]
                yield from self._fields(cls, [*given, *arguments.keywords(self.index, ref)], grade)
            for function, taken, grade in self._targets(target):
                wanted = self.taking.get(function, {})
                for position, follower in self._followers(ref, function, taken, skip) if wanted else ():
                    if position in wanted:
                        shape = wanted[position]
                        yield self._argument(follower, shape.named(shape.text, grade))

    def _targets(self, target: Ref) -> Iterator[tuple[FunctionId, int, Grade]]:
        """(function, how many parameters are taken already) of what a function value stands for."""
        for value, evidence in self.index.values(target).items():
            if value[0] in ("fn", "bm"):
                yield value[1], int(value[0] == "bm"), Grade(evidence.grade)
            elif value[0] == "cls":
                found = self.index.classes.lookup(value[1], "__init__")
                for each in found[1] if found else ():
                    node = self.index.project.node(each)
                    if node[0] == "function":
                        yield (each[0], node[1]), 1, Grade(evidence.grade)

    def _followers(self, ref: Ref, function: FunctionId, taken: int, skip: int) -> Iterator[tuple[int, Given]]:
        scope = self.index.project.scope(function)
        if skip:
            yield from arguments.to_parameters(self.index, ref, scope, taken, skip)
        names = {each.name: number for number, each in enumerate(scope.params)}
        takers = [number for number, each in enumerate(scope.params) if each.kind in ("positional", "normal")]
        for option, number in self.index.project.node(ref)[3]:
            inner = self.index.project.node((ref[0], number))
            if option == "args" and inner[0] in ("tuple", "list"):
                for order, each in enumerate(inner[1], start=taken):
                    if order < len(takers):
                        yield takers[order], Given((ref[0], each), (ref[0], each))
            elif option in ("kwargs", "kwds"):
                for name, given in arguments.entries(self.index, (ref[0], number)):
                    if name in names:
                        yield names[name], given
