"""Paths: every way through a function, exceptional ones included, as an abstract execution of its statement tree."""
