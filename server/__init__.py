"""The reference execution server; run it with ``python -m server``."""
