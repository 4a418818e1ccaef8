"""Gemini Live: messages that are one member of a few, replies without ids, errors as closes."""

from .client_side import ClientSide
from .saved import read_config, write_config

NAME = "gemini"
CLIENT_SPEAKS_FIRST = True
BINARY_TO_CLIENT = True

__all__ = [
    "BINARY_TO_CLIENT",
    "CLIENT_SPEAKS_FIRST",
    "NAME",
    "ClientSide",
    "read_config",
    "write_config",
]
