"""`python -m governance`."""

import os
import sys

if __name__ == "__main__":
    # Python has put the current folder first on the path, and nothing of the project that is looked at may run.
    ours = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))  # noqa: PTH120  # pathlib is not loaded yet
    here = os.path.realpath(os.curdir)
    sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder) != here or here == ours]

    from governance.cli import main

    sys.exit(main())
