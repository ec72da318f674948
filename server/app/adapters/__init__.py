"""Implementations of the seams; imported by the composition root alone."""
