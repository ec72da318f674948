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
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
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
    for package in packages:
        spec = _package_spec(package)
        if spec is None or spec.submodule_search_locations is None:
            raise StartError(f"there is no plugin package {package!r}")
        names = sorted(module.name for module in pkgutil.iter_modules(spec.submodule_search_locations))
        found.extend(
            Found(name.replace("_", "-"), f"{package}.{name}:{CLASS_NAME}") for name in names if name[0] != "_"
        )
    found.extend(Found(point.name, point.value) for point in entry_points(group=ENTRY_POINT_GROUP))
    return found


def _package_spec(package: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None


def load_plugins(registry: PluginRegistry, isolation: Isolation, found: Iterable[Found]) -> None:
    """Register every plugin that was found, loading several at a time."""
    places = list(found)
    with ThreadPoolExecutor(max_workers=4, thread_name_prefix="plugin-loader") as threads:
        loads = [threads.submit(isolation.load, place.reference) for place in places]
    for place, load in zip(places, loads, strict=True):
        try:
            _register(registry, load.result(), place.reference)
        except (PluginLoadError, PluginContractError, DuplicatePlugin) as error:
            _register_broken(registry, place, str(error))


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


def _register_broken(registry: PluginRegistry, place: Found, reason: str) -> None:
    logger.warning("plugin %s (%s) is not available: %s", place.label, place.reference, reason)
    try:
        registry.register_unavailable(place.label, reason)
    except DuplicatePlugin:
        registry.register_unavailable(place.reference, reason)
