"""Errors of the execution layer and the envelope around them."""

from server.app.plugins.errors.error_envelope import build_error_envelope, public_error
from server.app.plugins.errors.exceptions import ErrorType, InputValidationError, OutputValidationError, PluginError

__all__ = [
    "ErrorType",
    "InputValidationError",
    "OutputValidationError",
    "PluginError",
    "build_error_envelope",
    "public_error",
]
