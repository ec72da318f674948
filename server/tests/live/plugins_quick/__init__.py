"""The one plugin that tests of start and stop need."""
