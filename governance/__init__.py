"""Execution governance: proves execution-layer invariants over a whole Python code base."""

__version__ = "0.1.0"
