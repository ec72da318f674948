from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shop.deep.inner import Thing

try:
    from fast import Thing as Quick
except ImportError:
    from shop.deep.inner import Listed as Quick


def typed(thing: "Thing"):
    return thing


def local():
    from .deep import inner as within

    return within.Hidden()


def __getattr__(name):
    raise AttributeError(name)


ALIAS = local
cycle = None
