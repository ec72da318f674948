"""Plugins of the crash runs."""
