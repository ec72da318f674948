"""A package that re-exports in every way."""

from .deep import Thing as Renamed
from .deep.inner import *
from .deep.inner import Hidden as Shown
from . import deep

__all__ = ["Renamed", "Shown"]
