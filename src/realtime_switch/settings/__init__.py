"""Every setting there is: read once at start, frozen from then on (A26).

shape.py    what can be set, and what it is when nobody sets it
source.py   where a value came from, so that an error can point at it
load.py     defaults < configuration file < environment < flags
place.py    the data directory: its files, its permissions, the database key
"""

from .load import Flags, load
from .place import database_key, make_directory, metrics_folder, metrics_token, outbox_key
from .shape import Settings

__all__ = [
    "Flags",
    "Settings",
    "database_key",
    "load",
    "make_directory",
    "metrics_folder",
    "metrics_token",
    "outbox_key",
]
