from collections.abc import Iterator

import pytest

from link_ends import Notebook, an_address


@pytest.fixture
def address() -> Iterator[str]:
    with an_address() as address:
        yield address


@pytest.fixture
async def notebook() -> Notebook:
    return Notebook()
