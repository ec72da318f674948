"""Plugins that do nothing, for measuring what everything around them costs."""
