"""The same, by a plugin whose executions may be repeated."""

from dataclasses import replace

from benchmarks.crash_plugins.marking import Marking


class MarkingAgain(Marking):
    spec = replace(Marking.spec, name="marking-again", max_attempts=3)


PLUGIN = MarkingAgain
