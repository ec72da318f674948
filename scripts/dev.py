"""One entry for every developer task: `python3 scripts/dev.py TASK`.

This file alone must be readable by any Python, old ones too, so that the wrong one gets a sentence and not a
syntax error. The tasks are in `scripts/devtasks/`.
"""

import sys

if sys.version_info < (3, 11):
    sys.stderr.write(
        "dev.py: needs Python 3.11 or newer, this is %d.%d.%d (%s); start it with a newer one, for example: "
        "python3.13 scripts/dev.py\n" % (sys.version_info[0], sys.version_info[1], sys.version_info[2], sys.executable)
    )
    sys.exit(2)

from devtasks.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
