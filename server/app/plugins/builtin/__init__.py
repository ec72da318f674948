"""Plugins that come with the server: one per module, each module naming its class ``PLUGIN``."""
