"""Definitions: members outside the vocabulary, written in the enumeration, added to it later, or in a Literal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.contract import Binding, Ref, Violation
from governance.contracts.vocabulary import arguments, members
from governance.contracts.vocabulary.members_used import Uses
from governance.contracts.vocabulary.sites import Scene
from governance.findings import Grade

_ADDING: Final = frozenset(("setattr", "extend_enum"))


def bindings(scene: Scene) -> Iterator[Binding]:
    """The members, attributes and parameters the contract holds on to."""
    index = scene.index
    for _, name, ref in _defined(scene):
        yield Binding("member", f"{scene.vocabulary.shown}.{name}", ref)
    for name, classes in scene.vocabulary.attributes.items():
        for cls in classes:
            yield Binding("attribute", f"{index.project.symbol(cls)}.{name}", index.project.definition(cls))
    for function, positions in scene.vocabulary.parameters.items():
        scope = index.project.scope(function)
        for position in sorted(positions):
            param = scope.params[position]
            yield Binding("parameter", f"{index.project.symbol(function)}.{param.name}", (function[0], param.node))


def violations(scene: Scene, uses: Uses) -> Iterator[Violation]:
    """Every definition of a word outside the vocabulary."""
    for owner, name, ref in _defined(scene):
        if not scene.vocabulary.valid_name(name):
            yield _violation(scene, f"{owner} defines {name}", name, ref)
    for name, ref in _added(scene, uses):
        if not scene.vocabulary.valid_name(name):
            yield _violation(scene, f"{name} is added to {scene.vocabulary.shown} in {scene.where(ref)}", name, ref)
    for text, ref in _declared(scene):
        yield from _literal(scene, text, ref)


def _violation(scene: Scene, text: str, name: str, ref: Ref) -> Violation:
    why = "a forbidden word" if name in scene.vocabulary.forbidden else "no word of the vocabulary"
    return Violation("definition", f"{text}: {why}", Grade.DEFINITE, ref, subject=name)


def _defined(scene: Scene) -> Iterator[tuple[str, str, Ref]]:
    """(what defines it, name, place)."""
    index = scene.index
    for cls in sorted(scene.vocabulary.classes):
        for name, (ref, _) in members.of_class(index, cls).items():
            yield index.project.scope(cls).name, name, ref
    for definition in sorted(scene.vocabulary.definitions):
        for name, (ref, _) in members.of_definition(index, definition).items():
            yield scene.vocabulary.shown, name, ref


def _added(scene: Scene, uses: Uses) -> Iterator[tuple[str, Ref]]:
    """`vars()["X"] = v` in the class body, `Enum.X = v`, `setattr(Enum, "X", v)`, `Enum._member_map_[...]`."""
    index = scene.index
    words = scene.vocabulary.forbidden | {name.upper() for name in scene.vocabulary.forbidden}
    for module, each in index.project.modules.items():
        for number, node in enumerate(each.facts.nodes):
            ref = (module, number)
            if node[0] == "store_item":
                base, key = (module, node[1]), (module, node[2])
                holder = index.project.node(base)
                in_body = holder[0] == "call" and index.project.owner(ref) in scene.vocabulary.classes
                in_body = in_body and bool(index.externals(base) & {"builtins.vars", "builtins.locals"})
                table = holder[0] == "attr" and holder[2] in ("_member_map_", "__members__")
                if in_body or (table and uses.names(module, holder[1])):
                    for name in arguments.strings(index, key):
                        yield name, ref
            elif node[0] == "store_attr" and (node[2] in words or node[2].isupper()):
                if uses.names(module, node[1]):
                    yield node[2], ref
            elif node[0] == "call" and len(node[2]) >= 2 and index.project.last_name((module, node[1])) in _ADDING:
                names = arguments.strings(index, (module, node[2][1])) if uses.names(module, node[2][0]) else ()
                yield from ((name, ref) for name in names if name in words or name.isupper())


def _declared(scene: Scene) -> Iterator[tuple[str, Ref]]:
    """Annotations of listed attributes and parameters."""
    index = scene.index
    for name, classes in scene.vocabulary.attributes.items():
        for cls in classes:
            node = index.project.scope(cls).annotations.get(name)
            if node is not None:
                yield f"{index.project.scope(cls).name}.{name}", (cls[0], node)
    for function, positions in scene.vocabulary.parameters.items():
        scope = index.project.scope(function)
        for position in sorted(positions):
            if scope.params[position].annotation >= 0:
                text = f"parameter {scope.params[position].name} of {index.project.qualname(function)}"
                yield text, (function[0], scope.params[position].annotation)


def _literal(scene: Scene, text: str, ref: Ref) -> Iterator[Violation]:
    for word in members.literal(scene.index, ref):
        node = scene.index.project.node(word)
        if node[:2] == ["const", "str"] and not scene.vocabulary.valid_string(node[2]):
            message = f"{text} is declared to take {node[2]!r}: {scene.vocabulary.verdict(node[2])}"
            yield Violation("definition", message, Grade.DEFINITE, word, subject=f"{node[2]} {text}")
