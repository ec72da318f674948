"""Starts the server: ``python -m server [--host HOST] [--port PORT] [--data-dir FOLDER]``."""

from __future__ import annotations

import argparse
import errno
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from server.app.api.dependencies import Services
from server.app.api.http_protocol import EnvelopeProtocol
from server.app.core.logging import configure_logging
from server.app.core.settings import Settings, read_settings
from server.app.core.start_error import StartError, say
from server.app.main import create_app, running_services
from server.app.plugins.loader.plugin_registry import get_registry


def settings_from(arguments: list[str]) -> Settings:
    """Settings from the environment, under those of the command line."""
    parser = argparse.ArgumentParser(prog="python -m server", description="Run the execution server.")
    parser.add_argument("--host", dest="api_host", help="address to listen on (CTS_API_HOST, 127.0.0.1)")
    parser.add_argument("--port", dest="api_port", help="port to listen on, 0 for any free one (CTS_API_PORT, 8080)")
    parser.add_argument("--data-dir", type=Path, help="folder of the database (CTS_DATA_DIR, ~/.local/state/cts)")
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


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


def serve_command(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises:
        StartError: the server cannot start.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    settings = settings_from(arguments)
    configure_logging(settings.log_level, settings.log_format, requests=settings.log_requests)
    with (
        listening_socket(settings.api_host, settings.api_port) as listener,
        running_services(settings, get_registry()) as services,
    ):
        serve(settings, services, listener)
    return 0


def serve(settings: Settings, services: Services, listener: socket.socket) -> None:
    config = uvicorn.Config(
        create_app(settings, services),
        http=EnvelopeProtocol,
        ws="none",
        loop="uvloop",
        log_config=None,
        timeout_graceful_shutdown=settings.shutdown_seconds,
        server_header=False,
    )
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(f"listening on http://{shown}:{port}, documentation at /docs")
    uvicorn.Server(config).run(sockets=[listener])
