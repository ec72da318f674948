"""What goes into a plugin and what comes out of it is checked here, always."""

from server.app.plugins.validation.input_validator import validate_input_payload
from server.app.plugins.validation.output_validator import validate_plugin_output

__all__ = ["validate_input_payload", "validate_plugin_output"]
