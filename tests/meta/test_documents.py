"""The documents lead where they say, and what the README shows is what happens."""

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.meta.shell import CHECKOUT, Shell

TRACKED = [CHECKOUT / name for name in Shell(CHECKOUT).git("ls-files", "-z", "*.md").split("\0")[:-1]]
DOCUMENTS = sorted(path for path in TRACKED if path.exists())
README = (CHECKOUT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_to_files_and_headings(document: Path) -> None:
    prose = FENCE.sub("", document.read_text(encoding="utf-8"))
    targets = re.findall(r"\[[^\]]+\]\(([^)\s]+)\)", prose)
    dead = [target for target in targets if "://" not in target and not leads_somewhere(document, target)]
    assert dead == []


def leads_somewhere(document: Path, target: str) -> bool:
    name, _, heading = target.partition("#")
    file = (document.parent / name) if name else document
    if not file.exists() or not heading:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return heading in {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def fences(kind: str) -> list[str]:
    return [text for found, text in FENCE.findall(README) if found == kind]


@pytest.mark.requirement("R-073")
def test_the_finding_in_the_readme_is_the_one_the_scanner_prints(tmp_path: Path) -> None:
    files = re.findall(r"`([\w/]+\.(?:py|toml))`:\n\n```\w+\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    assert [name for name, _ in files] == ["governance.toml", "app/plugins.py", "app/runner.py", "app/api.py"]
    for name, text in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = Shell(tmp_path, NO_COLOR="1").run([Path(sys.executable).with_name("governance"), "check"])
    assert (done.returncode, done.stderr) == (1, "")
    assert [done.stdout] == fences("text")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    (check, test), *_ = ([line.partition(" #")[0].strip() for line in text.splitlines()] for text in fences("sh"))
    assert (check, test) == ("python3 scripts/dev.py check", "python3 scripts/dev.py test")
    script = (CHECKOUT / ".ci/run").read_text(encoding="utf-8")
    assert test in script
    assert (CHECKOUT / ".ci/run").stat().st_mode & 0o111


@pytest.mark.requirement("R-048")
def test_the_request_in_the_readme_works_as_pasted(tmp_path: Path) -> None:
    (request,) = (text for text in fences("sh") if text.startswith("curl"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [sys.executable, "-m", "server", "--port", port, "--data-dir", str(tmp_path)]
    environment = Shell(CHECKOUT).environment
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(words, cwd=CHECKOUT, env=environment, stdout=log, stderr=log)
    try:
        wait_for_port(int(port))
        # The port is the one thing changed: 8080 may be taken here.
        done = Shell(tmp_path).run(["bash", "-c", request.replace("8080", port)])
        assert '"width":4,"height":4' in done.stdout, (tmp_path / "log").read_text(encoding="utf-8")
    finally:
        server.terminate()
        server.wait(timeout=20)


def wait_for_port(port: int, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < end, f"nothing listens on port {port} after {seconds} s"
            time.sleep(0.1)
        else:
            return


@pytest.mark.requirement("R-104")
@pytest.mark.parametrize(
    "asks_for",
    [
        "## Summary",
        "governed path",
        "calls a plugin's `run`",
        "Input and output are validated",
        "envelopes",
        "Metrics and timing",
        "Log lines",
        "Lifecycle and job states",
        "## Tests",
        "## Documents",
    ],
)
def test_the_pull_request_template_asks_for(asks_for: str) -> None:
    assert asks_for in (CHECKOUT / ".github/pull_request_template.md").read_text(encoding="utf-8")
