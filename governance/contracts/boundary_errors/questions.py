"""Questions: answers that are looked for once each, though questions lead back to themselves and end at some depth."""

from __future__ import annotations

from collections.abc import Callable

from governance.contract import Ref


class Questions:
    """The answers of one search."""

    def __init__(self) -> None:
        self._known: dict[object, Ref | None] = {}
        self._active: set[object] = set()
        self._passing: dict[object, int] = {}
        self._cuts = 0

    def ask(self, key: object, depth: int, find: Callable[[], Ref | None]) -> Ref | None:
        """The answer to a question, each asked once. One in which something was cut off (by depth, or because it led
        back to itself) holds for the outermost question only, and for no greater depth."""
        if key in self._known:
            return self._known[key]
        if key in self._active or depth <= 0 or self._passing.get(key, 0) >= depth:
            self._cuts += 1
            return None
        before = self._cuts
        self._active.add(key)
        try:
            found = find()
        finally:
            self._active.discard(key)
        if found is not None or self._cuts == before:
            self._known[key] = found
        else:
            self._passing[key] = depth
        if not self._active:
            self._passing.clear()
        return found
