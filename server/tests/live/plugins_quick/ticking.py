"""The slow plugin of the larger package."""

from server.tests.live.plugins.ticking import PLUGIN

__all__ = ["PLUGIN"]
