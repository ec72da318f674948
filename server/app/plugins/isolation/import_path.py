"""From where plugin processes import, which is also what they may read."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable
from pathlib import Path


def import_path(modules: Iterable[str], named: str = "") -> list[str]:
    """As this process does; but the current folder, which ``python -m`` adds, only if one of these modules lies in it,
    or if ``named``, the value of ``PYTHONPATH``, has it. It may be anything: ``/`` for a service, somebody's home."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # it was removed
        return [entry for entry in sys.path if entry]
    is_named = any(entry and here.joinpath(entry).resolve() == here for entry in named.split(os.pathsep))
    tops = dict.fromkeys(module.partition(".")[0] for module in modules)
    if is_named or any(_lies_in(here, top) for top in tops):
        return [*sys.path]
    return [entry for entry in sys.path if here.joinpath(entry).resolve() != here]


def _lies_in(folder: Path, top: str) -> bool:
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return False
    if spec is None:
        return False
    places = spec.submodule_search_locations or [str(spec.origin)]
    return any(folder.joinpath(place).resolve().parent == folder for place in places)
