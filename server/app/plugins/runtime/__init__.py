"""Where plugins are run."""
