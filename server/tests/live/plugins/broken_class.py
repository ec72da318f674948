"""Names no plugin class."""

PLUGIN = None
