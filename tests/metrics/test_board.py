"""Whichever process of a machine is asked, it shows all of them."""

import asyncio
import os
from pathlib import Path

import uvloop

import prometheus
from realtime_switch.metrics import board
from realtime_switch.metrics.board import Board
from realtime_switch.metrics.families import Counter, page


def own(process: str) -> str:
    return page([Counter("seen_total", "Seen.")], process)


async def opened(folder: Path, kind: str) -> Board:
    made = Board(folder, kind, own)
    await made.open()
    return made


def up(text: str) -> dict[str, float]:
    return {
        dict(labels)["process"]: value
        for (name, labels), value in prometheus.read(text).items()
        if name == "realtime_switch_up"
    }


async def test_each_shows_all(tmp_path: Path) -> None:
    boards = [await opened(tmp_path, kind) for kind in ("gateway", "gateway", "business")]
    assert [one.name for one in boards] == ["gateway-1", "gateway-2", "business-1"]
    pages = [await one.page() for one in boards]
    everybody = dict.fromkeys(("gateway-1", "gateway-2", "business-1"), 1.0)
    assert [up(text) for text in pages] == [everybody] * 3
    assert [prometheus.value(prometheus.read(text), "seen_total", process="gateway-2") for text in pages] == [
        0
    ] * 3
    for one in boards:
        await one.close()
    assert board.processes(tmp_path) == []


async def test_who_has_gone_is_not_shown_and_leaves_its_name_to_the_next(tmp_path: Path) -> None:
    first, second = await opened(tmp_path, "gateway"), await opened(tmp_path, "gateway")
    await first.close()
    assert up(await second.page()) == {"gateway-2": 1}
    third = await opened(tmp_path, "gateway")
    assert up(await second.page()) == {"gateway-1": 1, "gateway-2": 1}
    await second.close()
    await third.close()


async def test_who_was_killed_leaves_its_name_to_the_next(tmp_path: Path) -> None:
    killed, other = await opened(tmp_path, "gateway"), await opened(tmp_path, "gateway")
    assert killed._server is not None
    assert killed._lock is not None
    killed._server.close()
    os.close(killed._lock)  # as a kill does; the socket's file stays
    killed._lock = None
    (tmp_path / "gateway-1.sock").touch()
    assert up(await other.page()) == {"gateway-2": 1}
    again = await opened(tmp_path, "gateway")
    assert up(await other.page()) == {"gateway-1": 1, "gateway-2": 1}
    await again.close()
    await other.close()


async def test_who_does_not_answer_is_told_to_be_down(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(board, "ANSWER_S_MAX", 0.05)
    well = await opened(tmp_path, "gateway")
    silent_ends: list[asyncio.StreamWriter] = []

    async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        silent_ends.append(writer)

    silent = Board(tmp_path, "gateway", own)
    server = await asyncio.start_unix_server(_say_nothing, str(tmp_path / "gateway-2.sock"))
    deaf = Board(tmp_path, "business", own)  # nobody listens at its place
    assert up(await well.page()) == {"gateway-1": 1, "gateway-2": 0, "business-1": 0}
    server.close()
    for writer in silent_ends:
        writer.close()
    for one in (well, silent, deaf):
        await one.close()


async def test_who_cannot_be_read_harms_nobody(tmp_path: Path) -> None:
    asked = await opened(tmp_path, "gateway")
    _, writer = await asyncio.open_unix_connection(str(tmp_path / "gateway-1.sock"))
    writer.close()
    assert up(await asked.page()) == {"gateway-1": 1}
    await asyncio.sleep(0)  # the server has met both
    await asked.close()


def test_it_works_in_the_loop_that_processes_run_in(tmp_path: Path) -> None:
    async def all_pages() -> list[str]:
        boards = [await opened(tmp_path, "gateway"), await opened(tmp_path, "gateway")]
        pages = [await one.page() for one in boards]
        for one in boards:
            await one.close()
        return pages

    assert [up(text) for text in uvloop.run(all_pages())] == [{"gateway-1": 1, "gateway-2": 1}] * 2


async def test_who_dies_in_the_middle_of_its_page_is_not_shown_in_part(tmp_path: Path) -> None:
    asked = await opened(tmp_path, "gateway")
    cut = Board(tmp_path, "business", lambda process: own(process)[:-3])
    await cut.open()
    text = await asked.page()
    assert up(text) == {"gateway-1": 1, "business-1": 0}
    await asked.close()
    await cut.close()
