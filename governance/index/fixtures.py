"""Fixtures: parameters that pytest fills by name, from fixtures and from `parametrize`.

A fixture is looked for in the test's own class, its module and the `conftest` modules of the packages around it.
"""

from __future__ import annotations

from collections.abc import Iterator

from governance.contract import Ref
from governance.index import containers, definitions, texts
from governance.index.solver import PROBABLE, Answer, Solver, add
from governance.index.values import FunctionId, Key, last_part

_FIXTURES = frozenset(("pytest.fixture", "pytest_asyncio.fixture"))
_REQUEST = "pytest.FixtureRequest"


def filled(solver: Solver, function: FunctionId, index: int, out: Answer) -> None:
    """Add what pytest passes to a parameter of a test or a fixture."""
    scope = solver.project.scope(function)
    is_fixture = fixture_call(solver, function) is not None
    if not is_fixture and not scope.name.startswith("test"):
        return
    name = scope.params[index].name
    if name == "request" and is_fixture:
        add(out, ("xinst", _REQUEST, tuple(_requested(solver, function))), note="fixture")
        return
    if _parametrized(solver, function, name, out):
        return
    for fixture in _named(solver, function, name):
        _made(solver, fixture, out)


def fixture_call(solver: Solver, function: FunctionId) -> Ref | None:
    """The decorator that makes a function a fixture."""
    for decorator in solver.project.scope(function).decorators:
        ref = (function[0], decorator)
        node = solver.project.node(ref)
        if not _FIXTURES.isdisjoint(solver.names.dotted((function[0], node[1]) if node[0] == "call" else ref)):
            return ref
    return None


def _requested(solver: Solver, function: FunctionId) -> Iterator[Key]:
    """What `request.param` is taken from: the `params` of the fixture."""
    made = fixture_call(solver, function)
    node = solver.project.node(made) if made is not None else None
    for name, argument in node[3] if node is not None and node[0] == "call" else ():
        if name == "params":
            yield ("items", function[0], argument)


def _named(solver: Solver, function: FunctionId, name: str) -> list[FunctionId]:
    """The nearest fixtures of a name that are not the function itself."""
    project = solver.project
    owner = project.owning_class(function)
    places = [] if owner is None else [(cls[0], cls[1]) for cls in solver.classes.mro(owner)]
    parts = function[0].split(".")
    conftests = [".".join([*parts[:count], "conftest"]) for count in range(len(parts) - 1, -1, -1)]
    places += [(module, 0) for module in (function[0], *conftests) if module in project.modules]
    for place in places:
        found = [
            each
            for each in project.children(place, name)
            if project.scope(each).kind == "function" and each != function and fixture_call(solver, each) is not None
        ]
        if found:
            return found
    # Imported into the module, as fixtures of other packages are.
    for entity in solver.names.lookup((function[0], 0), name):
        if entity[0] == "fn" and entity[1] != function and fixture_call(solver, entity[1]) is not None:
            return [entity[1]]
    return []


def _made(solver: Solver, fixture: FunctionId, out: Answer) -> None:
    scope = solver.project.scope(fixture)
    if definitions.wrapper(solver, fixture) == "contextmanager":
        return
    solver.copy(("yields" if scope.is_generator else "body", *fixture), out, "fixture", PROBABLE)


def _parametrized(solver: Solver, function: FunctionId, name: str, out: Answer) -> bool:
    """The values that `@pytest.mark.parametrize("name", [...])` gives; whether there is such a decorator."""
    project, module = solver.project, function[0]
    owner = project.owning_class(function)
    decorators = [*project.scope(function).decorators, *(project.scope(owner).decorators if owner else ())]
    found = False
    for decorator in decorators:
        node = project.node((module, decorator))
        if node[0] != "call" or len(node[2]) < 2:
            continue
        if not any(last_part(each) == "parametrize" for each in solver.names.dotted((module, node[1]))):
            continue
        names = _argument_names(solver, (module, node[2][0]))
        if name in names:
            found = True
            _column(solver, (module, node[2][1]), names.index(name) if len(names) > 1 else None, out)
    return found


def _argument_names(solver: Solver, ref: Ref) -> list[str]:
    node = solver.project.node(ref)
    if node[0] in ("tuple", "list"):
        return [name for each in node[1] for name in _argument_names(solver, (ref[0], each))]
    found = texts.words(solver.get(("n", *ref)))
    return [name.strip() for text in found for name in text.split(",")]


def _column(solver: Solver, rows: Ref, position: int | None, out: Answer) -> None:
    """The values of one parameter; rows are values, tuples of values, or either in `pytest.param(...)`."""
    node = solver.project.node(rows)
    if node[0] == "local" and node[2] >= 0:
        _column(solver, (rows[0], node[2]), position, out)
    elif node[0] not in ("tuple", "list"):
        if position is None:
            containers.items(solver, ("n", *rows), out)
    else:
        for each in node[1]:
            _cell(solver, (rows[0], each), position, out)


def _cell(solver: Solver, row: Ref, position: int | None, out: Answer) -> None:
    node = solver.project.node(row)
    if node[0] == "call" and any(last_part(each) == "param" for each in solver.names.dotted((row[0], node[1]))):
        if len(node[2]) > (position or 0):
            solver.copy(("n", row[0], node[2][position or 0]), out, "parametrized", PROBABLE)
    elif position is None:
        solver.copy(("n", *row), out, "parametrized", PROBABLE)
    else:
        containers.unpack(solver, ("n", *row), position, False, out)


__all__ = ["filled", "fixture_call"]
