import importlib
import os.path
import shop
import shop.deep.inner
import shop.deep.inner as short
import shop.space.module
from shop import Listed, Renamed, Shown, deep, lazy, ring_a
from shop.deep import Thing, default
from shop.lazy import ALIAS, Quick
from shop.missing import Missing
from shop.ring_b import First, Second

from base import reveal

reveal(shop)  # module shop
reveal(shop.deep.inner.Thing())  # Thing
reveal(short.Hidden())  # Hidden
reveal(short._Private())  # _Private
reveal(Renamed())  # Thing
reveal(Shown())  # Hidden
reveal(Listed())  # Listed
reveal(deep.Thing().sibling())  # Listed
reveal(deep)  # module shop.deep
reveal(default)  # Thing
reveal(Thing)  # type[Thing]
reveal(lazy.local())  # Hidden
reveal(ALIAS())  # Hidden
reveal(Quick)  # fast.Thing | type[Listed]
reveal(shop.space.module.InNamespace())  # InNamespace
reveal(os.path)  # os.path
reveal(Missing)  # shop.missing.Missing
reveal(First().second())  # Second
reveal(Second().second())  # Second
reveal(ring_a.First())  # First
reveal(importlib.import_module("shop.deep").Thing())  # Thing
reveal(lazy.typed(None))  # Thing
reveal(len)  # len
reveal(undefined)  # ?


def inside():
    from shop.deep.inner import Hidden

    reveal(Hidden())  # Hidden


class Outer:
    class Inner:
        def make(self):
            return Outer.Inner()

    field = Inner()

    def method(self):
        reveal(self.Inner())  # Outer.Inner
        reveal(self.field)  # Outer.Inner
        reveal(field)  # ?


reveal(Outer.Inner().make())  # Outer.Inner
ｗｉｄｅ = Thing()
reveal(wide)  # Thing
