"""`python -m governance`, and the installed command."""

import gc
import os
import sys
from typing import NoReturn


def run() -> NoReturn:
    """Run one command and end the process with its exit code.

    A scan leaves millions of objects. The system takes them back at once; collecting and freeing them one by one, which
    an ordinary exit does, costs as much as a tenth of the scan.
    """
    from governance.cli import main

    gc.disable()
    code = main()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:  # what was meant for standard output has been flushed, or given up, in `main`
            pass
    os._exit(code)


if __name__ == "__main__":
    # Python has put the current folder first on the path, and nothing of the project that is looked at may run.
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120  # pathlib is not loaded yet
    here = os.path.realpath(os.curdir)
    sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != here or here == ours]

    run()
