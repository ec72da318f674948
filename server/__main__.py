"""``python -m server`` runs the server, ``... worker`` a worker, ``... keys`` makes, lists and revokes API keys."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable

from server.app.core.end_signals import end_undisturbed
from server.app.core.start_error import StartError, say


def keep_standard_files() -> None:
    """Give those that were closed to nobody: a database opened in their place would be written over by any complaint of
    a library, and a plugin would inherit it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free


def loaded(arguments: list[str]) -> tuple[Callable[[list[str]], int], list[str]]:
    """The command and its words. Each loads what it needs and no more: a key needs no web framework."""
    if arguments[:1] == ["keys"]:
        from server.keys_command import keys_command

        return keys_command, arguments[1:]
    if arguments[:1] == ["worker"]:
        from server.worker_command import worker_command

        return worker_command, arguments[1:]
    from server.serve_command import serve_command

    return serve_command, arguments


def main(arguments: list[str]) -> int:
    """Do what the words say; the exit code."""
    keep_standard_files()
    # What modules consist of is no garbage. Looking through it while it grows, and once more at the end, takes a third
    # of the processor time of a start and an end.
    gc.disable()
    try:
        command, words = loaded(arguments)
        gc.freeze()
        gc.enable()
        return command(words)
    except StartError as error:
        say(str(error))
        return 1


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command knows better: what it loads has nothing to clean up
    try:
        sys.exit(main(sys.argv[1:]))
    finally:
        end_undisturbed()
