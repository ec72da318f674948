from __future__ import annotations

__all__ = ["Thing", "Listed"]


class Thing:
    def sibling(self) -> Listed:
        return Listed()


class Listed:
    pass


class Hidden:
    pass


class _Private:
    pass
