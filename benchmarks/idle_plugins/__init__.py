"""Plugins that do nothing, for measuring what is around them."""
