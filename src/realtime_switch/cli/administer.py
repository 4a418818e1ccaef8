"""How a command reaches the business side: it opens the database itself, as the business process does.

So it works whether that process runs or not, and what it does is seen there
at once: SQLite and PostgreSQL both let two processes in.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ..business.admin import Administration
from ..business.main import administration
from .options import settings_here

T = TypeVar("T")


def administer(work: Callable[[Administration], Awaitable[T]], *, create: bool = False) -> T:
    """Run work on the database of this command line; `create` makes one if there is none."""
    settings = settings_here()

    async def run() -> T:
        async with administration(settings, create=create) as admin:
            return await work(admin)

    return asyncio.run(run())
