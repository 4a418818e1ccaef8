"""`realtime-switch talk`: a call from the terminal, with what happens shown as it happens."""

import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import click
import httpx
import msgspec
import uvloop

from .gemini_call import GeminiCall
from .live_call import LiveCall
from .openai_call import OpenAICall
from .voice_call import Turn, VoiceCall
from .wav import read_wav, write_wav

_CALLS: dict[str, type[VoiceCall]] = {"openai": OpenAICall, "gemini": GeminiCall, "gpt-live": LiveCall}


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE.wav]...")
@click.option("--text", "texts", multiple=True, help="Say this in writing; may be given more than once.")
@click.option("--out", type=click.Path(path_type=Path), help="Write what was answered to this WAV file.")
@click.option("--url", default="ws://127.0.0.1:8080", show_default=True, help="Where the gateway is.")
@click.option(
    "--key", envvar="RTS_API_KEY", help="An API key. Better in RTS_API_KEY: a process list shows arguments."
)
@click.option("--session", help="Come back to this session; without it a new one is begun.")
@click.option("--model", default="default", show_default=True, help="The model to ask for: a route's name.")
@click.option(
    "--dialect",
    type=click.Choice(list(_CALLS)),
    default="openai",
    show_default=True,
    help="What to speak: OpenAI Realtime, Gemini Live or GPT-Live.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end, for programs.")
def talk(
    files: tuple[Path, ...],
    texts: tuple[str, ...],
    out: Path | None,
    url: str,
    key: str | None,
    session: str | None,
    model: str,
    dialect: str,
    as_json: bool,
) -> None:
    """Hold a call: each FILE is spoken, each --text is written, one turn after the other.

    Without either, lines are read from standard input and sent as text.
    """
    said: list[bytes | str] = [read_wav(file) for file in files]
    said += texts or ([] if files else _lines())
    if not said:
        raise click.UsageError("Nothing to say: name a WAV file, or use --text.")
    if key is None and sys.stdin.isatty():
        key = click.prompt("API key", hide_input=True)
    show = _Show(live=not as_json and sys.stderr.isatty(), turns=not as_json)
    opening = _Opening(dialect, url, key or "", model, session)
    result, heard = uvloop.run(_hold(opening, said, show))
    if out is not None:
        write_wav(out, heard)
    if as_json:
        click.echo(msgspec.json.encode(result).decode())
    else:
        show.end(result)


class Result(msgspec.Struct, kw_only=True):
    """What --json prints."""

    session_id: str
    turns: list[Turn]
    input_tokens: int
    output_tokens: int
    total_tokens: int
    seconds: float | None  # of the session, where it is billed by time
    credits: int | None


class _Show:
    """The live line on stderr, and each turn once it is complete."""

    def __init__(self, live: bool, turns: bool) -> None:
        self._live = live
        self._turns = turns

    def now(self, state: str) -> None:
        if self._live:
            click.echo(f"\r\033[K… {state}", err=True, nl=False)

    def turn(self, turn: Turn) -> None:
        if self._live:
            click.echo("\r\033[K", err=True, nl=False)
        if self._turns:
            click.echo(f"you:   {turn.you or '(not written down)'}")
            click.echo(f"agent: {turn.agent}")
            first = (
                "no audio" if turn.first_audio_ms is None else f"first audio after {turn.first_audio_ms} ms"
            )
            click.echo(
                f"       {first}, {turn.audio_ms / 1000:.1f} s of speech,"
                f" {turn.input_tokens} + {turn.output_tokens} tokens"
            )

    def end(self, result: Result) -> None:
        left = "" if result.credits is None else f", {result.credits} credits left"
        again = f"; come back with --session {result.session_id}" if result.session_id else ""
        costs = [] if result.seconds is None else [f"{result.seconds:.1f} seconds"]
        if result.seconds is None or result.total_tokens:  # of the model behind the voice
            costs.append(f"{result.total_tokens} tokens")
        click.echo(f"{' and '.join(costs)}{left}{again}")


class _Opening(msgspec.Struct, frozen=True):
    dialect: str
    url: str
    key: str
    model: str
    session_id: str | None


async def _hold(opening: _Opening, said: Sequence[bytes | str], show: _Show) -> tuple[Result, bytes]:
    show.now("connects")
    call = await _CALLS[opening.dialect].open(
        opening.url, opening.key, opening.model, opening.session_id, show.now
    )
    turns = []
    try:
        for words in said:
            turn = await (call.say_text(words) if isinstance(words, str) else call.say_audio(words))
            show.turn(turn)
            turns.append(turn)
    finally:
        await call.close()
    input_tokens = sum(turn.input_tokens for turn in turns)
    output_tokens = sum(turn.output_tokens for turn in turns)
    result = Result(
        session_id=call.session_id,
        turns=turns,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        total_tokens=input_tokens + output_tokens,
        seconds=call.seconds,
        credits=await _credits_left(opening.url, opening.key),
    )
    return result, bytes(call.heard)


async def _credits_left(url: str, key: str) -> int | None:
    """What the gateway says is left; None where the other side is a provider and keeps no such account."""
    parts = urlsplit(url if "://" in url else f"ws://{url}")
    address = urlunsplit(
        ("https" if parts.scheme in ("wss", "https") else "http", parts.netloc, "/v1/account", "", "")
    )
    async with httpx.AsyncClient(timeout=5) as http:
        try:
            answer = await http.get(address, headers={"Authorization": f"Bearer {key}"})
        except httpx.HTTPError:
            return None
    if answer.status_code != 200:
        return None
    try:
        return msgspec.json.decode(answer.content, type=_Account).credits
    except msgspec.MsgspecError:
        return None


class _Account(msgspec.Struct):
    credits: int


def _lines() -> list[str]:
    """What is typed or piped in: a turn a line."""
    return [line.strip() for line in sys.stdin if line.strip()]
