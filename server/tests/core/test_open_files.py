"""How many files the process may open after it asked for more."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

ASK: Final = """
import json, resource, sys
from server.app.core.open_files import allow_open_files
from server.app.core.settings import Settings
from server.serve_command import connections_of
resource.setrlimit(resource.RLIMIT_NOFILE, json.loads(sys.argv[1]))
files = [allow_open_files(wanted) for wanted in (90, 150, 200, 900)]
print(json.dumps([files, resource.getrlimit(resource.RLIMIT_NOFILE)[0], connections_of(Settings(max_connections=500))]))
"""


def test_as_many_as_are_wanted_and_possible() -> None:
    # In a process of its own, since a limit that was lowered cannot be raised again.
    asked = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps([100, 400])], capture_output=True, text=True, check=True
    )
    files, allowed, connections = json.loads(asked.stdout)
    assert files == [100, 150, 200, 400]
    assert allowed == 400
    assert connections == 200
    assert "there are at most 200 connections instead of 500" in asked.stderr
