"""Start, stop, crash and restart of the server."""

from __future__ import annotations

import fcntl
import os
import pwd
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from server.app.adapters.data_folder import data_folder
from server.app.adapters.database.migrate import opened_database
from server.app.core.settings import Settings
from server.app.core.start_error import StartError
from server.app.core.version import VERSION
from server.serve_command import listening_socket, settings_from
from server.tests.live.envelope import assert_envelope
from server.tests.live.server_process import ROOT, ServerProcess, children_of, is_alive

FEW_PLUGINS = {"PLUGIN_PACKAGES": "server.tests.live.plugins_quick"}


def start(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "server", *arguments],
        cwd=ROOT,
        env=os.environ | variables,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


@pytest.mark.requirement("R-044", "R-142")
def test_no_job_is_lost_when_the_server_is_killed(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", MAX_CONCURRENT_RUNS="1", **FEW_PLUGINS) as server:
        done = server.submit("text-statistics", text="one two")
        server.result(done)
        running = server.submit("ticking", seconds=30)
        server.await_status(running, "RUNNING")
        waiting = server.submit("text-statistics", text="one two three")
        plugin_processes = server.children()
        folder = Path(f"/proc/{min(plugin_processes)}/cwd").readlink().parent
        server.kill()
        deadline = time.monotonic() + 2
        while any(is_alive(pid) for pid in plugin_processes):
            assert time.monotonic() < deadline, "plugin processes outlive their server"
            time.sleep(0.02)
    assert folder.exists()
    with ServerProcess(tmp_path / "data", **FEW_PLUGINS) as server:
        assert not folder.exists()
        assert server.result(done)["result"]["words"] == 2
        lost = server.result(running)
        assert (lost["status"], lost["error"]["type"]) == ("FAILED", "ExecutionError")
        assert "the worker that ran the job was lost" in lost["error"]["message"]
        assert lost["error"]["details"]["reason"] == "worker_lost"
        assert server.result(waiting)["result"]["words"] == 3


@pytest.mark.requirement("R-044", "R-056", "R-108")
def test_sigterm_lets_work_end_for_a_while_then_ends_it_with_a_reason(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", SHUTDOWN_SECONDS="2", MAX_CONCURRENT_CALLS="1", **FEW_PLUGINS)
    client = httpx2.Client(base_url=server.url, timeout=30.0)
    with client, ThreadPoolExecutor(2) as threads:
        running = server.submit("ticking", seconds=30)
        short = server.submit("ticking", seconds=1.5)
        for job_id in (running, short):
            server.await_status(job_id, "RUNNING")
        body = {"plugin": "ticking", "payload": {"seconds": 30}}
        calls = [threads.submit(client.post, "/v1/analyze-execution", json=body) for _ in range(2)]
        while len(server.client.get("/v1/analyze-execution/jobs").json()["jobs"]) < 3:
            time.sleep(0.02)
        time.sleep(0.2)  # the other call waits for its turn, which nothing shows
        children = server.children()
        assert server.stop() == 0
        answers = [assert_envelope(call.result(), 400, "ExecutionError") for call in calls]
    assert sorted(answer["message"] for answer in answers) == [
        "the server was stopped before it could answer this request",
        "the server was stopped while the job was under way",
    ]
    assert not any(is_alive(pid) for pid in children)
    assert "Traceback" not in server.log.read_text("utf-8")
    with ServerProcess(tmp_path / "data", **FEW_PLUGINS) as server:
        assert "the server was stopped" in server.result(running)["error"]["message"]
        assert server.result(short)["status"] == "SUCCESS"


@pytest.mark.requirement("R-056", "R-108")
def test_who_presses_ctrl_c_twice_waits_for_nobody(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", SHUTDOWN_SECONDS="60", **FEW_PLUGINS)
    with httpx2.Client(base_url=server.url, timeout=60.0) as client, ThreadPoolExecutor(1) as threads:
        body = {"plugin": "ticking", "payload": {"seconds": 50}}
        call = threads.submit(client.post, "/v1/analyze-execution", json=body)
        while not server.client.get("/v1/analyze-execution/jobs").json()["jobs"]:
            time.sleep(0.02)
        server.client.close()
        server.process.send_signal(signal.SIGINT)
        while "CTRL+C to force quit" not in server.log.read_text("utf-8"):
            time.sleep(0.02)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(30) == 0
        assert_envelope(call.result(), 400, "ExecutionError")
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.requirement("R-056", "R-108")
@pytest.mark.parametrize("waits", [True, False], ids=["a-client-waits", "only-a-job"])
def test_who_is_told_to_end_twice_ends_what_is_under_way_at_once(tmp_path: Path, *, waits: bool) -> None:
    server = ServerProcess(tmp_path / "data", SHUTDOWN_SECONDS="600", **FEW_PLUGINS)
    job = server.submit("ticking", seconds=600)
    server.await_status(job, "RUNNING")
    with httpx2.Client(base_url=server.url, timeout=60.0) as client, ThreadPoolExecutor(1) as threads:
        if waits:
            body = {"plugin": "ticking", "payload": {"seconds": 600}}
            call = threads.submit(client.post, "/v1/analyze-execution", json=body)
            while len(server.client.get("/v1/analyze-execution/jobs").json()["jobs"]) < 2:
                time.sleep(0.02)
        server.client.close()
        server.process.terminate()
        server.await_log("Shutting down")
        time.sleep(0.6)  # told again sooner, it takes that for the same
        server.process.terminate()
        assert server.process.wait(30) == 0
        if waits:
            assert_envelope(call.result(), 400, "ExecutionError")
    assert "Traceback" not in server.log.read_text("utf-8")
    with ServerProcess(tmp_path / "data", **FEW_PLUGINS) as server:
        assert "the server was stopped" in server.result(job)["error"]["message"]


@pytest.mark.requirement("R-056", "R-108")
def test_a_server_whose_log_nobody_reads_answers_and_ends(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "--port", "0", "--data-dir", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"CTS_PLUGIN_PACKAGES": "", "CTS_SHUTDOWN_SECONDS": "1"},
        stdin=subprocess.DEVNULL,
        stderr=writer,
    )
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as log:
            line = next(line for line in log if b"listening on " in line).decode("ascii")
            host, port = line.partition("//")[2].partition(",")[0].split(":")
            for _ in range(200):
                with socket.create_connection((host, int(port)), timeout=20) as connection:
                    connection.sendall(b"nonsense\r\n\r\n")  # a warning for each
                    assert connection.recv(4096).startswith(b"HTTP/1.1 400 ")
            process.terminate()
            assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.requirement("R-044")
def test_a_server_whose_database_is_removed_ends_with_the_reason(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", PLUGIN_PACKAGES="")
    (tmp_path / "data" / "cts.db").unlink()
    try:
        assert server.process.wait(30) == 1
    finally:
        server.kill()
    last = server.log.read_text("utf-8").splitlines()[-1]
    assert last.startswith("server: the database was removed or replaced while it was in use")


@pytest.mark.requirement("R-108")
def test_the_server_starts_in_less_than_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Measuring coverage would be most of what is measured.
    for name in ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"):
        monkeypatch.delenv(name, raising=False)
    with ServerProcess(tmp_path / "data", PLUGIN_PACKAGES="") as server:
        used = Path(f"/proc/{server.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]
        # Of the processor, because the clock of a busy machine says nothing.
        assert sum(map(int, used)) / os.sysconf("SC_CLK_TCK") < 2
        assert server.client.get("/v1/plugins").json()["available"] == 3


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start("--port", str(port), "--data-dir", str(tmp_path))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"server: port {port} on 127.0.0.1 is taken; choose another with --port\n"


@pytest.mark.parametrize(
    ("message", "arguments", "variables"),
    [
        ("a setting is wrong: api_port", ["--port", "70000"], {}),
        ("there is no plugin package 'no_such_package'", ["--port", "0"], {"CTS_PLUGIN_PACKAGES": "no_such_package"}),
    ],
)
def test_what_keeps_the_server_from_starting_is_one_line(
    tmp_path: Path, message: str, arguments: list[str], variables: dict[str, str]
) -> None:
    ended = start("--data-dir", str(tmp_path), *arguments, **variables)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert line.startswith("server: ")
    assert message in line


def test_a_database_that_fails_at_the_start_is_one_line(tmp_path: Path) -> None:
    opened_database(tmp_path / "cts.db").close()
    with closing(sqlite3.connect(tmp_path / "cts.db")) as database:
        database.execute("DROP TABLE plugin_metrics")
    ended = start("--port", "0", "--data-dir", str(tmp_path), CTS_PLUGIN_PACKAGES="", CTS_LOG_LEVEL="ERROR")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "server: the database cannot be used: no such table: plugin_metrics\n"


@pytest.mark.requirement("R-044")
def test_a_server_whose_database_fails_ends_in_order_when_it_is_told(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", **FEW_PLUGINS)
    job = server.submit("ticking", seconds=600)
    server.await_status(job, "RUNNING")
    with closing(sqlite3.connect(tmp_path / "data" / "cts.db")) as database:
        database.execute("DROP TABLE job")
    before = len(server.log.read_text("utf-8"))
    error = assert_envelope(server.execute("text-statistics", text="a"), 400, "InternalError")
    assert (error["message"], error["details"]) == ("the server cannot use its database now; try again later", {})
    server.await_log("POST /v1/analyze-execution failed, the database: no such table: job")
    assert server.stop() == 0
    told = server.log.read_text("utf-8")[before:]
    assert "the end of what was under way cannot be written, the database: no such table: job" in told
    assert "workers could not ask for the next job, and will try again: no such table: job" in told
    assert "Traceback" not in told


@pytest.mark.requirement("R-044")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_server_that_is_told_until_it_is_gone_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    server = ServerProcess(tmp_path / "data", PLUGIN_PACKAGES="")
    deadline = time.monotonic() + 60
    while server.process.poll() is None:
        assert time.monotonic() < deadline
        server.process.send_signal(number)
        time.sleep(0.005)
    assert server.stop() == 0
    assert "Traceback" not in server.log.read_text("utf-8")


@pytest.mark.parametrize("words", [[], ["worker"], ["keys", "list"]], ids=["server", "worker", "keys"])
def test_ctrl_c_while_a_command_is_loaded_leaves_no_traceback(tmp_path: Path, words: list[str]) -> None:
    # A module that takes long to load, in the place of one that all of them need.
    (tmp_path / "sqlalchemy.py").write_text("import sys, time\nsys.stderr.write('loading\\n')\ntime.sleep(60)", "ascii")
    process = subprocess.Popen(
        [sys.executable, "-m", "server", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "loading\n"
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=30)[1] == ""
    assert process.returncode == -signal.SIGINT


def test_no_file_of_the_server_takes_the_place_of_a_standard_one_that_is_closed(tmp_path: Path) -> None:
    words = f'{sys.executable} -m server --port 0 --data-dir "{tmp_path}" <&- >&- 2>&-'
    process = subprocess.Popen(["sh", "-c", f"exec {words}"], cwd=ROOT, env=os.environ | {"CTS_PLUGIN_PACKAGES": ""})
    try:
        deadline = time.monotonic() + 60
        while not children_of(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        files = [str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)]
        assert files == [os.devnull] * 3
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    ("setting", "arguments", "variables"),
    [
        ("api_port", ["--port", "70000"], {}),
        ("api_port", ["--port", "http"], {}),
        ("api_port", [], {"CTS_API_PORT": ""}),
        ("log_level", [], {"CTS_LOG_LEVEL": "loud"}),
        ("max_concurrent_runs", [], {"CTS_MAX_CONCURRENT_RUNS": "-1"}),
        ("tool_timeout_seconds", [], {"CTS_TOOL_TIMEOUT_SECONDS": "-1"}),
        ("api_host", [], {"CTS_API_HOST": ""}),
        ("api_host", ["--host", ""], {}),
        ("data_dir", [], {"CTS_DATA_DIR": ""}),
        ("data_dir", ["--data-dir", ""], {}),
        ("cleanup_interval_minutes", [], {"CTS_CLEANUP_INTERVAL_MINUTES": "1e-9"}),
    ],
)
def test_a_wrong_setting_is_named(
    monkeypatch: pytest.MonkeyPatch, setting: str, arguments: list[str], variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match=f"a setting is wrong: {setting}: "):
        settings_from(arguments)


@pytest.mark.parametrize("value", ["inf", "nan", "9" * 30])
def test_no_number_is_too_large_for_the_system(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    numbers = {name for name, field in Settings.model_fields.items() if field.annotation in (int, float, int | None)}
    assert numbers > {"max_concurrent_runs", "job_lease_seconds", "max_runs_per_plugin", "shutdown_seconds"}
    for name in numbers:
        with monkeypatch.context() as environment:
            environment.setenv(f"CTS_{name.upper()}", value)
            with pytest.raises(StartError, match=f"a setting is wrong: {name}: "):
                settings_from([])


def test_what_is_empty_is_none_where_there_may_be_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "MAX_RUNS_PER_PLUGIN", "PLUGIN_GRANTS"):
        monkeypatch.setenv(f"CTS_{name}", "")
    settings = settings_from([])
    assert (settings.database_url, settings.max_runs_per_plugin, settings.plugin_grants) == (None, None, ())


def test_paths_are_those_of_the_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CTS_PLUGIN_READ_PATHS", "models, ~/more,/opt/x")
    settings = settings_from(["--data-dir", "~/state"])
    assert settings.data_dir == tmp_path / "home/state"
    assert settings.plugin_read_paths == (tmp_path / "models", tmp_path / "home/more", Path("/opt/x"))


@pytest.mark.parametrize(
    ("message", "arguments"), [("CTS_DATA_DIR", []), ("no home folder for ~", ["--data-dir", "~/x"])]
)
def test_who_has_no_home_says_where(monkeypatch: pytest.MonkeyPatch, message: str, arguments: list[str]) -> None:
    def nobody(_uid: int) -> None:
        raise KeyError

    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(StartError, match=message):
        settings_from(arguments)


@pytest.mark.requirement("R-219")
def test_the_command_line_goes_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CTS_API_HOST", "::1")
    monkeypatch.setenv("CTS_API_PORT", "1234")
    monkeypatch.setenv("CTS_PLUGIN_PACKAGES", "a.b, c")
    settings = settings_from(["--port", "4321"])
    assert (settings.api_host, settings.api_port, settings.plugin_packages) == ("::1", 4321, ("a.b", "c"))


@pytest.mark.parametrize(
    ("host", "message"),
    [("192.0.2.1", "cannot listen on 192.0.2.1 port 0: "), ("no.such.host.invalid", "cannot listen on no.such")],
)
def test_an_address_that_is_not_ours(host: str, message: str) -> None:
    with pytest.raises(StartError, match=message):
        listening_socket(host, 0)


@pytest.mark.parametrize("folder", ["/proc/nothing", "/dev/null/folder"])
def test_a_folder_that_cannot_be_used(folder: str) -> None:
    with pytest.raises(StartError, match=f"cannot use the data folder {folder}"), data_folder(Path(folder)):
        pytest.fail("it was used")


@pytest.mark.parametrize("folder", [ROOT, ROOT / "server", Path(sys.prefix), Path("/")], ids=str)
def test_a_folder_that_plugins_must_read_is_no_data_folder(folder: Path) -> None:
    with pytest.raises(StartError, match="holds code"), data_folder(folder):
        pytest.fail("it was taken")


def test_the_data_folder_is_its_owners_alone(tmp_path: Path) -> None:
    made, given = tmp_path / "a" / "made", tmp_path / "given"
    given.mkdir(mode=0o755)
    for folder, mode in ((made, 0o700), (given, 0o755)):
        with data_folder(folder):
            assert folder.stat().st_mode & 0o777 == mode


def test_a_database_is_its_owners_alone_also_in_a_folder_of_everybody(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    database = opened_database(tmp_path / "cts.db")
    try:
        assert {(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {
            (name, 0o600) for name in ("cts.db", "cts.db-wal", "cts.db-shm")
        }
    finally:
        database.close()


def test_a_second_server_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", PLUGIN_PACKAGES=""):
        ended = start("--port", "0", "--data-dir", str(tmp_path / "data"))
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "is used by another server" in line


@pytest.mark.requirement("R-219")
def test_settings_come_from_the_environment_and_folders_are_made(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b c ü"
    with ServerProcess(folder, LOG_LEVEL="debug", PLUGIN_PACKAGES="") as server:
        server.execute("text-statistics", text="a")
        server.await_log("outcome=success")
    assert (folder / "cts.db").exists()


@pytest.mark.requirement("R-109", "R-111", "R-156")
def test_health_and_documentation(live: ServerProcess) -> None:
    health = live.client.get("/v1/health").json()
    assert set(health) == {"status", "version", "uptime", "timestamp"}
    assert (health["status"], health["version"]) == ("healthy", VERSION)
    simple = live.client.get("/v1/health/simple").json()
    assert (set(simple), simple["status"]) == ({"status", "timestamp"}, "ok")
    assert "swagger" in live.client.get("/docs").text.lower()


@pytest.mark.requirement("R-060")
def test_all_endpoints_are_served(live: ServerProcess) -> None:
    document = live.client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method in operations:
            answer = live.client.request(method, path.replace("{job_id}", "x").replace("{name}", "x"))
            assert answer.status_code in (200, 400, 404), f"{method} {path}"


@pytest.mark.requirement("R-012")
def test_nothing_is_left_of_a_server_that_ended(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data", **FEW_PLUGINS)
    server.execute("ticking", seconds=0)
    pid = server.process.pid
    assert children_of(pid)
    folder = Path(f"/proc/{next(iter(server.children()))}/cwd").readlink()
    assert folder.exists()
    server.stop()
    assert not folder.exists()
