"""Plugins of the runs on several machines."""
