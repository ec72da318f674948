"""References: the rules of the nodes that only name what is defined elsewhere: variables, parameters, imports."""

from __future__ import annotations

from governance.contract import Ref
from governance.facts import Node
from governance.index import texts, typing_forms
from governance.index.solver import PROBABLE, Answer, Solver, add


def rule_local(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    if node[2] >= 0:
        solver.copy(("n", ref[0], node[2]), out, "local")
    owner = solver.project.owner(ref)
    scope = solver.project.scope(owner)
    if node[1] in scope.rebound:
        # Assigned through `nonlocal` or `global` elsewhere: at any time between the definition and this load.
        for definition in scope.bindings.get(node[1], ()):
            if definition >= 0 and solver.project.owner((ref[0], definition)) != owner:
                solver.copy(("n", ref[0], definition), out, "rebound", PROBABLE)


def rule_free(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    module, name, scope = ref[0], node[1], node[2]
    found = solver.names.binding((module, scope), name)
    if found is None:
        texts.of_module(solver, module, name, out)
        for entity in solver.names.lookup((module, scope), name):
            if entity[0] == "ext":
                add(out, entity, note="builtin")
        return
    for definition in found:
        solver.copy(("n", *definition), out, "name")
    if any(solver.project.owner(definition)[1] == 0 for definition in found):
        home = found[0][0]
        for store in solver.names.module_stores.get((home, name), ()):
            solver.copy(("n", store[0], solver.project.node(store)[3]), out, "stored in module", PROBABLE)
        written = solver.project.modules[home].facts.scopes[0].annotations.get(name)
        if written is not None:
            typing_forms.concrete(solver, ("t", home, written, ()), out, "annotation")


def rule_param(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    solver.copy(("param", ref[0], node[1], node[2]), out, "parameter")


def rule_import(solver: Solver, ref: Ref, node: Node, out: Answer) -> None:
    names = solver.names
    target = names.absolute(ref[0], node[1], node[2] or "")
    if target is None or node[3] == "*":
        return
    if node[3] is None:
        for entity in names.imported(ref[0], node):
            add(out, entity, note="import")
    elif names.module(target)[0] == "mod":
        submodule = f"{target}.{node[3]}"
        if ref in names.definitions(target, node[3]) and names.module(submodule)[0] == "mod":
            add(out, ("mod", submodule), note="import")  # a package that imports its own submodule
        elif target in solver.project.modules:
            solver.copy(("glob", target, node[3]), out, "import")
        elif names.module(f"{target}.{node[3]}")[0] == "mod":
            add(out, ("mod", f"{target}.{node[3]}"), note="import")
    else:
        add(out, ("ext", f"{target}.{node[3]}"), note="import")
