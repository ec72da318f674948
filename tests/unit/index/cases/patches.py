"""Attributes of modules that are replaced from outside."""

import importlib

import settings.quiet
from base import Move, Other, reveal
from settings import handed, loaded, named


def patch(target):
    target.job = Move()


def patch_by_name(name):
    importlib.import_module(f"settings.{name}").job = Other()


named.job = Move()
patch(handed)
patch_by_name("loaded")

reveal(named.job)  # Copy | Move
reveal(handed.job)  # Copy | Move
reveal(loaded.job)  # Copy | Other
reveal(settings.quiet.job)  # Copy
