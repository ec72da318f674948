"""Does this object keep the plugin contract? Asked before anything is registered."""

from __future__ import annotations

import inspect

from server.app.plugins.permit import guard_class
from server.app.plugins.plugin import PluginSpec
from server.app.plugins.validation.schema_rules import SchemaRules


class PluginContractError(Exception):
    """The object is no plugin; the message says every reason."""


def check_contract(candidate: object) -> PluginSpec:
    """The spec of a conforming plugin instance, whose class demands a permit to run from now on.

    Raises:
        PluginContractError: otherwise.
    """
    kind = type(candidate)
    problems: list[str] = []
    spec = inspect.getattr_static(candidate, "spec", None)
    if not isinstance(spec, PluginSpec):
        problems.append("it needs an attribute 'spec' that is a PluginSpec")
    else:
        problems.extend(schema_problems(spec))
    method = inspect.getattr_static(kind, "run", None)
    if not inspect.isfunction(method):
        problems.append("it needs a method run(self, payload)")
    elif inspect.iscoroutinefunction(method) or inspect.isgeneratorfunction(method):
        problems.append("its method run must be a plain function, neither async nor a generator")
    elif not _takes_one_payload(inspect.signature(method)):
        problems.append("its method run must take exactly one argument, the payload")
    elif inspect.getattr_static(candidate, "run") is not method:
        problems.append("its method run must be the one of its class, not an attribute of the instance")
    if not problems:
        try:
            guard_class(kind)
        except (TypeError, AttributeError) as error:
            problems.append(f"its method run cannot be guarded: {error}")
    if problems or not isinstance(spec, PluginSpec):
        raise PluginContractError(f"{kind.__module__}.{kind.__qualname__} is not a plugin: {'; '.join(problems)}")
    return spec


def schema_problems(spec: PluginSpec) -> list[str]:
    found: list[str] = []
    for label, schema in (("input_schema", spec.input_schema), ("output_schema", spec.output_schema)):
        try:
            SchemaRules(schema)
        except ValueError as error:
            found.append(f"{label} is {error}")
    return found


def _takes_one_payload(signature: inspect.Signature) -> bool:
    try:
        signature.bind("self", "payload")
    except TypeError:
        return False
    return True
