"""The same, by a plugin whose executions may be repeated."""

from dataclasses import replace

from benchmarks.machine_plugins.placed import Placed


class PlacedAgain(Placed):
    spec = replace(Placed.spec, name="placed-again", max_attempts=2)


PLUGIN = PlacedAgain
