"""realtime-switch simulate: as a command, in a process of its own, on uvloop."""

import asyncio
import contextlib
import os
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from click.testing import CliRunner

from local_gemini import SocketGemini, said
from local_talk import WITHIN_S, SocketCall, transcript
from realtime_switch.local.command import simulate

MAIN = "from realtime_switch.local.command import simulate; simulate()"


@contextlib.asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[list[str], asyncio.subprocess.Process]]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", MAIN, *arguments),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            lines = [
                (await process.stdout.readline()).decode() for _ in range(3 + ("--tls-dir" in arguments))
            ]
        yield lines, process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_says_where_it_is_serves_and_ends_well(tmp_path: Path, number: signal.Signals) -> None:
    script = tmp_path / "talk.jsonl"
    script.write_text('{"reply": {"text": "As written."}}\n')
    async with running("--script", str(script), "--pace", "50") as (lines, process):
        name, _, url = lines[0].strip().rpartition(" ")
        assert name == "OpenAI Realtime:"
        async with websockets.connect(f"{url}?model=m") as connection:
            call = SocketCall(connection)
            assert transcript(await call.say("hello", output_modalities=["text"])) == "As written."
            assert transcript(await call.say("thank you")) == "You are welcome."
            process.send_signal(number)
            async with asyncio.timeout(WITHIN_S):
                assert await process.wait() == 0


async def test_all_dialects_are_served_with_its_own_certificate(tmp_path: Path) -> None:
    arguments = ("--tls-dir", str(tmp_path), "--gemini-shape", "2.5", "--gemini", "role=yes", "--pace", "50")
    async with running(*arguments) as (lines, _):
        told = [line.strip().rpartition(" ") for line in lines]
        assert [name for name, _, _ in told] == [
            "OpenAI Realtime:",
            "Gemini Live:",
            "GPT-Live:",
            "Certificate:",
        ]
        trusting = ssl.create_default_context(cafile=told[3][2])
        async with websockets.connect(told[1][2], ssl=trusting) as connection:
            call = SocketGemini(connection)
            await call.set_up()
            answer = await call.ask("Say: yes")
        assert said(answer) == "yes"
        turns = [event["serverContent"]["modelTurn"] for event in answer if "modelTurn" in str(event)]
        assert {turn["role"] for turn in turns} == {"model"}
        assert turns[0]["parts"][0]["thought"] is True


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--fault", "explode"], "There is no fault 'explode'."),
        (["--script", "/nowhere/talk.toml"], "The script /nowhere/talk.toml cannot be read"),
        (["--gemini", "color=red"], "'color=red' is not a knob with =yes or =no."),
        (["--gemini-shape", "1.0"], "'1.0' is not one of '3.8', '2.5', 'vertex'"),
        (["--port", "70000"], "70000 is not in the range"),
    ],
)
def test_a_misuse_is_named_and_ends_with_2(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert sentence in result.output


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = CliRunner().invoke(simulate, ["--port", str(port)])
    assert result.exit_code == 1
    assert (
        f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --port." in result.output
    )
