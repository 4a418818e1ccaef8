"""The matrix of fault_matrix.py: whatever a provider does, the call goes on; where nobody is left it ends by
name.
"""

import re
from collections.abc import Iterator

import pytest

import fault_matrix as matrix
from failover_rig import impatient
from fault_matrix import FAULTS, HARMLESS, MOMENTS, ROWS

DEADLY = [row for row in ROWS if row[0] not in HARMLESS]
NAMED_END = re.compile(r"1011 .*INTERNAL_PROVIDER_UNAVAILABLE.*")


@pytest.fixture(autouse=True)
def _in_a_hurry() -> Iterator[None]:
    with impatient():
        yield


def named(row: tuple[str, ...]) -> str:
    return ", ".join(row)


@pytest.mark.parametrize("row", ROWS, ids=named)
async def test_the_call_goes_on(row: tuple[str, matrix.Moment, str]) -> None:
    cells = ROWS[row]
    told = await matrix.tried(cells, matrix.keeps_alive)
    assert [(str(c), t) for c, t in zip(cells, told, strict=True) if isinstance(t, BaseException)] == []


@pytest.mark.parametrize("row", DEADLY, ids=named)
async def test_without_another_target_it_ends_by_name(row: tuple[str, matrix.Moment, str]) -> None:
    cells = [cell for cell in ROWS[row] if cell.source == cell.heir]
    told = await matrix.tried(cells, matrix.ends_by_name)
    assert [(str(c), t) for c, t in zip(cells, told, strict=True) if not NAMED_END.fullmatch(str(t))] == []


def test_the_page_has_the_rows_of_the_matrix() -> None:
    written = matrix.PAGE.read_text().partition(matrix.BEGIN)[2].partition(matrix.END)[0]
    told = {(fault, moment): [matrix.WENT_ON] * 8 for fault in FAULTS for moment in MOMENTS}
    assert written.strip() == matrix.table(told)
