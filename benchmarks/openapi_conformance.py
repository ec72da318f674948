"""schemathesis against a server of our own: does it answer as its OpenAPI document says, whatever it is sent?

python benchmarks/openapi_conformance.py [--max-examples 50] [--seed 7]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from server.tests.live.server_process import ServerProcess

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--max-examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ServerProcess(Path(folder) / "data", LOG_LEVEL="ERROR") as server:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.url}/openapi.json"]
        options = [f"--max-examples={given.max_examples}", f"--seed={given.seed}", f"--checks={','.join(CHECKS)}"]
        quiet = ["--no-color", "--generation-database=none", "--no-shrink", "--warnings=off"]
        done = subprocess.run([*command, *options, *quiet], cwd=folder, check=False)
        alive = server.client.get("/v1/health").status_code == 200
    return done.returncode or (0 if alive else 1)


if __name__ == "__main__":
    sys.exit(main())
