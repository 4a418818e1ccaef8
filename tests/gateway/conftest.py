"""The gateway runs on uvloop, and so do its tests."""

from collections.abc import AsyncIterator

import pytest
import uvloop

from gateway_house import House, a_house


def pytest_asyncio_loop_factories() -> dict[str, object]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with a_house() as made:
        yield made
