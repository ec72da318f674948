"""Places: where in a file a node stands, for the few that are spoken of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from governance.contract import Ref
from governance.digest import digest
from governance.findings import WHOLE_FILE, Place, Problem, Span

if TYPE_CHECKING:
    from governance.cache import Cache
    from governance.index import Index


class Places:
    """Places of nodes, computed per file on demand, because positions cost more than all other facts together."""

    def __init__(self, root: Path, index: Index, keys: Mapping[str, str], cache: Cache) -> None:
        """`keys` holds the key of the content that was analysed, by path."""
        self.root, self.index, self.keys = root, index, keys
        self.problems: list[Problem] = []
        self._cache = cache
        self._spans: dict[Ref, Span] = {}

    def resolve(self, refs: Iterable[Ref]) -> None:
        """Find the places of these nodes, each file once."""
        wanted: dict[str, set[int]] = {}
        for module, node in refs:
            if (module, node) not in self._spans:
                wanted.setdefault(module, set()).add(node)
        kept = self._cache.places() if wanted else {}
        before = {content: len(spans) for content, spans in kept.items()}
        for module, nodes in wanted.items():
            path = self.index.project.modules[module].path
            spans = self._located(path, nodes, kept.setdefault(self.keys[path], {}))
            self._spans |= {(module, node): spans.get(node, WHOLE_FILE) for node in nodes}
        if before != {content: len(spans) for content, spans in kept.items()}:
            present = set(self.keys.values())
            self._cache.keep_places({content: spans for content, spans in kept.items() if content in present})

    def _located(self, path: str, nodes: set[int], kept: dict[str, list[int]]) -> dict[int, Span]:
        """kept: what is known of this content, to which is added."""
        try:
            source = (self.root / path).read_bytes()
            if digest(source) == self.keys[path]:
                unknown = [node for node in nodes if str(node) not in kept]
                if unknown:
                    from governance.extract import locate

                    kept |= {str(node): list(astuple(span)) for node, span in locate(source, unknown).items()}
                return {node: Span(*kept[str(node)]) for node in nodes if str(node) in kept}
            self.problems.append(Problem("changed", "changed while its findings were located; scan again", path))
        except OSError as error:
            self.problems.append(Problem("unreadable", f"cannot be read again: {error.strerror}", path))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is reported by name and the rest goes on
            message = f"findings have no line, locating them failed: {type(error).__name__}: {error}"
            self.problems.append(Problem("crash", message, path))
        return {}

    def of(self, ref: Ref, name: str = "") -> Place:
        """The place of a node, or of the name that is bound to it; the whole file if it has none."""
        path, span = self.index.project.modules[ref[0]].path, self._spans.get(ref, WHOLE_FILE)
        return Place(path, self._named(path, span, name) if name and span != WHOLE_FILE else span)

    def _named(self, path: str, span: Span, name: str) -> Span:
        from governance.extract import locate_name

        try:
            return locate_name((self.root / path).read_bytes(), span, name)
        except OSError:
            return span
