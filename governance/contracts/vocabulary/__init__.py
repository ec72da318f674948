"""Vocabulary: only the words of a closed vocabulary are defined as members, looked up, stored, passed and compared.

Why: a state that the transition table does not know is never left again, and a comparison with one is never true.
Limits: words computed at run time are not seen; a word that reaches an undeclared place is not judged there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from governance.contract import Direction, Ref, Report, Violation, Weaker
from governance.contracts.vocabulary import anchors, comparisons, declared, definitions, passing, sql, stores
from governance.contracts.vocabulary.members_used import Uses
from governance.contracts.vocabulary.options import Options
from governance.contracts.vocabulary.sites import Scene, Site
from governance.index import Index

__all__ = ["NAME", "Options", "check"]

NAME: Final = "vocabulary"
WEAKER: Final[Mapping[str, Direction]] = {
    "values": Weaker.MORE,
    "enum": Weaker.LESS,
    "forbidden": Weaker.LESS,
    "attributes": Weaker.LESS,
    "parameters": Weaker.LESS,
    "columns": Weaker.LESS,
}


def check(index: Index, options: Options) -> Report:
    """Definitions, uses of members, and everything that stores, passes or compares words."""
    vocabulary, broken = anchors.resolve(index, options)
    scene = Scene(index, vocabulary)
    uses = Uses(scene)
    bindings = list(definitions.bindings(scene))
    found = [*definitions.violations(scene, uses), *uses.violations()]
    governed: set[tuple[Ref, str]] = set()
    for site in _sites(scene):
        governed.add((site.ref, site.check))
        found.extend(scene.judge(site))
    texts = sql.texts(index, options.columns)
    found.extend(sql.violations(scene, texts))
    found = [each for each in found if each.ref is None or not scene.regions.refused(each.ref)]
    return Report(_distinct(found), bindings, broken, len(bindings) + uses.sites + len(governed) + len(texts))


def _sites(scene: Scene) -> Iterable[Site]:
    yield from declared.sites(scene)
    yield from stores.sites(scene)
    yield from passing.sites(scene)
    yield from comparisons.sites(scene)


def _distinct(found: list[Violation]) -> list[Violation]:
    """One finding for a word at a place: the most certain, the first of equals."""
    best: dict[tuple[Ref | None, str, str], Violation] = {}
    for each in found:
        key = (each.ref, each.path, each.subject.partition(" ")[0])
        if key not in best or best[key].grade < each.grade:
            best[key] = each
    return list(best.values())
