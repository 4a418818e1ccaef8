"""The database in dictionaries."""

from .database import MemoryDatabase

__all__ = ["MemoryDatabase"]
