"""Gateways ask each other, and nobody waits for one that is in trouble."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from realtime_switch.gateway import neighbours
from realtime_switch.gateway.neighbours import Neighbours
from realtime_switch.metrics.board import Board

Answer = Callable[[bytes], bytes]


@contextlib.asynccontextmanager
async def process(folder: Path, answer: Answer) -> AsyncIterator[tuple[Board, Neighbours]]:
    board = Board(folder, "gateway", lambda process: "\n")
    made = Neighbours(folder, board.name, answer)
    await made.open()
    try:
        yield board, made
    finally:
        await made.close()
        await board.close()


def says(word: bytes) -> Answer:
    return lambda question: word + question


async def test_all_but_oneself_are_asked_and_who_has_gone_is_not(tmp_path: Path) -> None:
    async with (
        process(tmp_path, says(b"a")) as (_, first),
        process(tmp_path, says(b"b")) as (board, second),
        process(tmp_path, says(b"c")) as (_, third),
    ):
        assert await first.ask(b"?") == [b"b?", b"c?"]
        assert await second.ask(b"?") == [b"a?", b"c?"]
        await third.close()
        assert await first.ask(b"?") == [b"b?"]
        await board.close()  # its process is gone, and has left its socket behind
        assert await first.ask(b"?") == []


async def test_who_is_silent_breaks_off_or_refuses_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "ANSWER_S_MAX", 0.05)
    held: list[asyncio.StreamWriter] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    async def broken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"[half of")
        writer.close()

    boards = [Board(tmp_path, "gateway", lambda process: "\n") for _ in range(3)]
    servers = [
        await asyncio.start_unix_server(ends, str(tmp_path / f"{board.name}.calls"))
        for ends, board in zip((silent, broken), boards[:2], strict=True)
    ]
    (tmp_path / f"{boards[2].name}.calls").touch()
    async with process(tmp_path, says(b"a")) as (_, made):
        assert await made.ask(b"?") == []
    for end in (*held, *servers):
        end.close()
    for board in boards:
        await board.close()


async def test_what_is_no_question_is_not_answered(tmp_path: Path) -> None:
    def refuse(question: bytes) -> bytes:
        raise ValueError("no question")

    async with process(tmp_path, refuse) as (board, _):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / f"{board.name}.calls"))
        writer.write(b"what?\n")
        assert await reader.read() == b""
        writer.close()
