"""Starts the server: ``python -m server [--host HOST] [--port PORT] [--data-dir FOLDER]``."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import socket
from types import FrameType
from typing import Final

import uvicorn

from server.app.api.dependencies import Services
from server.app.api.http_protocol import Patience, protocol_with
from server.app.core.end_signals import EndSignals, leave_when_told
from server.app.core.logging import configure_logging
from server.app.core.open_files import allow_open_files
from server.app.core.settings import Settings, read_settings
from server.app.core.start_error import StartError, say
from server.app.main import create_app, running_services
from server.app.plugins.loader.plugin_registry import get_registry

_OTHER_FILES: Final = 256
"""Descriptors for everything that is no connection: the database, and five for each plugin process."""

_KEEP_ALIVE_SECONDS: Final = 75
"""Longer than clients and proxies keep a connection that they do not use (httpx 5 s, nginx 60 s): whoever closes first
should be the one that sends, or its next request meets a closed door."""

_TICKS: Final = 10  # of uvicorn's in a second

_ANSWER_SECONDS: Final = 5
"""For the answers of executions that were ended when the server had waited for long enough."""

logger = logging.getLogger(__name__)


def settings_from(arguments: list[str]) -> Settings:
    """Settings from the environment, under those of the command line."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Run the execution server.")
    parser.add_argument("--host", dest="api_host", help="address to listen on (CTS_API_HOST, 127.0.0.1)")
    parser.add_argument("--port", dest="api_port", help="port to listen on, 0 for any free one (CTS_API_PORT, 8080)")
    parser.add_argument("--data-dir", help="folder of the database (CTS_DATA_DIR, ~/.local/state/cts)")
    return read_settings(**vars(parser.parse_args(arguments)))


def listening_socket(host: str, port: int) -> socket.socket:
    """A bound socket, so that a taken port is noticed before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio switches off the delay of small packets, which costs 40 ms a request.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise StartError(f"port {port} on {host} is taken; choose another with --port") from None
        raise StartError(f"cannot listen on {host} port {port}: {error.strerror or error}") from None
    return listener


def serve_command(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises:
        StartError: the server cannot start.
    """
    leave_when_told()
    settings = settings_from(arguments)
    configure_logging(settings.log_level, settings.log_format, requests=settings.log_requests)
    with (
        listening_socket(settings.api_host, settings.api_port) as listener,
        running_services(settings, get_registry()) as services,
    ):
        serve(settings, services, listener)
    return 0


class DrainingServer(uvicorn.Server):
    """When it is to end, executions get ``seconds`` to end by themselves; then they are ended, and whoever waits for
    one is told. What is not answered even so is cancelled. Told a second time, it ends them at once. It ends by itself
    when its database is gone."""

    def __init__(self, config: uvicorn.Config, services: Services, seconds: float) -> None:
        super().__init__(config)
        self._services = services
        self._seconds = seconds
        self._signals = EndSignals()
        self.lost_database = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._signals.receive()
        if self._signals.told_again.is_set():
            self.force_exit = True
        super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS == 0:
            self.lost_database = not self._services.database_intact()
        return self.lost_database or await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._services.drain()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._seconds, loop.run_in_executor, None, self._services.stop)
        try:
            await super().shutdown(sockets)
            if self.force_exit:
                await loop.run_in_executor(None, self._services.stop)
                await self.lifespan.shutdown()  # or it is cancelled later, which is logged with a traceback
        finally:
            timer.cancel()


def connections_of(settings: Settings) -> int:
    """As many as the settings say, if the system lets this process have so many; else fewer."""
    files = allow_open_files(settings.max_connections + _OTHER_FILES)
    possible = min(settings.max_connections, max(files - _OTHER_FILES, files // 2))
    if possible < settings.max_connections:
        logger.warning(
            "this process may open %d files, so there are at most %d connections instead of %d; raise ulimit -n",
            *(files, possible, settings.max_connections),
        )
    return possible


def serve(settings: Settings, services: Services, listener: socket.socket) -> None:
    """Until it is told to end; raises ``StartError`` if it has to end by itself."""
    config = uvicorn.Config(
        create_app(settings, services),
        http=protocol_with(Patience(settings.client_patience_seconds, connections_of(settings))),
        ws="none",
        loop="uvloop",
        log_config=None,
        access_log=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=settings.shutdown_seconds + _ANSWER_SECONDS,
        server_header=False,
    )
    listener.listen(config.backlog)  # before it is said
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(f"listening on http://{shown}:{port}, documentation at /docs")
    server = DrainingServer(config, services, settings.shutdown_seconds)
    server.run(sockets=[listener])
    if server.lost_database:
        raise StartError(
            "the database was removed or replaced while it was in use; nobody would find what is written now"
        )
