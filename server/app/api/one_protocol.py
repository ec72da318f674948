"""A parser for a server that speaks nothing but HTTP/1: a request that asks for another protocol besides is a request
like any other (RFC 9110, 7.8).

The parser below takes what follows the head of such a request for the other protocol, and its body with it. Clients ask
in this way by default (Java's with ``Upgrade: h2c``), so such a head is read a second time, without what it asks, and
by another parser: the first one may have ended with it.
"""

from __future__ import annotations

from typing import Protocol

from httptools import HttpParserUpgrade, HttpRequestParser


class Reader(Protocol):
    """Is told of what ``parser`` parses, and has the head of the last request."""

    parser: OneProtocolParser

    def head_again(self) -> bytes:
        """The head that was read last, as ``head_without_upgrade`` makes it."""
        ...


class OneProtocolParser(HttpRequestParser):
    """Calls the reader as its base class does; what is called while ``is_read_again`` will be called again."""

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self._reader = reader

    def is_read_again(self) -> bool:
        """Whether the request whose head is complete asks for another protocol, besides what it is."""
        return self.should_upgrade() and self.get_method() != b"CONNECT"

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]  # nothing else comes from a transport
        parser = self
        while True:
            try:
                HttpRequestParser.feed_data(parser, data)
            except HttpParserUpgrade as wish:
                if not parser.is_read_again():
                    raise
                data = self._reader.head_again() + data[wish.args[0] :]
                self._reader.parser = parser = OneProtocolParser(self._reader)
            else:
                return


def head_without_upgrade(method: bytes, target: bytes, version: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """The head of a request that asks for no other protocol."""
    lines = [b"%s: %s\r\n" % (name, value) for name, value in headers if name != b"upgrade"]
    return b"".join([b"%s %s HTTP/%s\r\n" % (method, target, version.encode("ascii")), *lines, b"\r\n"])
