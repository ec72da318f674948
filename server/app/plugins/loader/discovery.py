"""Which plugins there are: modules of plugin packages, and entry points of installed distributions.

Nothing is imported to find them; each is loaded in a process of its own. One that cannot be loaded is
registered as UNAVAILABLE with the reason, and keeps nothing else from starting.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import pkgutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from server.app.core.start_error import StartError
from server.app.plugins.isolation.isolation import Isolation, PluginLoadError
from server.app.plugins.loader.contract import PluginContractError
from server.app.plugins.loader.plugin_registry import DuplicatePlugin, PluginRegistry
from server.app.plugins.plugin import Plugin, PluginSpec

ENTRY_POINT_GROUP: Final = "cts.plugins"
BUILTIN_PACKAGE: Final = "server.app.plugins.builtin"
CLASS_NAME: Final = "PLUGIN"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Found:
    """Where a plugin should be, as ``module:attribute``, and what to call it until it is loaded."""

    label: str
    reference: str


def find_plugins(packages: Iterable[str]) -> list[Found]:
    """Everything that claims to be a plugin.

    Raises:
        StartError: a package does not exist.
    """
    found: list[Found] = []
    for package in dict.fromkeys(packages):
        folders = _folders_of(package)
        if not folders:
            raise StartError(f"there is no plugin package {package!r}")
        names = sorted(module.name for module in pkgutil.iter_modules(folders))
        found.extend(
            Found(name.replace("_", "-"), f"{package}.{name}:{CLASS_NAME}") for name in names if name[0] != "_"
        )
    found.extend(Found(point.name, point.value) for point in entry_points(group=ENTRY_POINT_GROUP))
    return found


def _folders_of(package: str) -> list[str]:
    """Where its modules lie; none if there is none. What it lies in is code of plugins, too, and is not imported."""
    top, *inner = package.split(".")
    if not all(map(str.isidentifier, (top, *inner))):
        return []
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return []
    places = [] if spec is None else [Path(folder) for folder in spec.submodule_search_locations or ()]
    return [str(folder) for place in places if (folder := place.joinpath(*inner)).is_dir()]


def load_plugins(registry: PluginRegistry, isolation: Isolation, found: Iterable[Found]) -> None:
    """Register every plugin that was found, loading several at a time.

    Raises:
        StartError: this system lets no process start now, which is no fault of a plugin.
    """
    places = list(found)
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="plugin-loader") as threads:
        loads = [threads.submit(isolation.load, place.reference) for place in places]
    for place, load in zip(places, loads, strict=True):
        try:
            _register(registry, load.result(), place.reference)
        except PluginLoadError as error:
            _register_broken(registry, place, str(error), error.full)
        except (PluginContractError, DuplicatePlugin) as error:
            _register_broken(registry, place, str(error), str(error))
        except OSError as error:
            raise StartError(f"no process can be started for plugins: {error.strerror}") from None


def _register(registry: PluginRegistry, spec: PluginSpec, reference: str) -> None:
    if spec.isolation == "process":
        registry.register_hosted(spec)
        return
    registry.register(_plugin_here(reference))


def _plugin_here(reference: str) -> Plugin:
    """A plugin inside this process; that it loads in another one does not mean that it loads in this one."""
    module, _, attribute = reference.partition(":")
    try:
        kind: type[Plugin] = vars(importlib.import_module(module))[attribute]
        return kind()
    except Exception as error:
        raise PluginLoadError(f"{type(error).__name__}: {error}") from error


def _register_broken(registry: PluginRegistry, place: Found, reason: str, full: str) -> None:
    logger.warning("plugin %s (%s) is not available: %s", place.label, place.reference, full)
    try:
        registry.register_unavailable(place.label, reason)
    except DuplicatePlugin:
        registry.register_unavailable(place.reference, reason)
