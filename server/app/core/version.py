"""The version of the server's API."""

from typing import Final

VERSION: Final = "0.1.0"
