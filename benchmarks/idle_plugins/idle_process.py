"""Does nothing, in a process of its own."""

from dataclasses import replace

from benchmarks.idle_plugins.idle_thread import IdleThread


class IdleProcess(IdleThread):
    spec = replace(
        IdleThread.spec, name="idle-process", description="Does nothing, in a process of its own.", isolation="process"
    )


PLUGIN = IdleProcess
