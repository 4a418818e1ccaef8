"""A call from the terminal, against the offline provider on a real socket."""

import array
import asyncio
import math
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest
from click.testing import CliRunner

from realtime_switch.cli.gemini_call import PATH, GeminiCall, gemini_url
from realtime_switch.cli.main import PROGRAM, main
from realtime_switch.cli.openai_call import call_url
from realtime_switch.cli.wav import RATE_HZ, read_wav, write_wav
from realtime_switch.local.ears import NoEars
from realtime_switch.local.script import Script, ScriptedReply, ScriptedWords
from realtime_switch.local.server import LocalProvider
from realtime_switch.local.voice import ToneVoice

SCRIPT = Script(
    reply=(ScriptedReply(text="Good day."), ScriptedReply(text="And to you.")),
    hear=(ScriptedWords(text="hello there"),),
)


@pytest.fixture
def provider() -> Iterator[LocalProvider]:
    """Runs on a thread of its own: the command under test has this one."""
    started, stop = threading.Event(), asyncio.Event()
    running: list[LocalProvider] = []
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with LocalProvider(script=SCRIPT, voice=ToneVoice(), ears=NoEars()) as provider:
            running.append(provider)
            started.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert started.wait(10)
    yield running[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join(10)
    loop.close()


def talk(*words: str, said: str = ""):
    return CliRunner().invoke(main, ["talk", "--key", "k", *words], input=said, prog_name=PROGRAM)


def speech(path, seconds: float = 0.6):
    samples = (int(9000 * math.sin(at * 300 * math.tau / RATE_HZ)) for at in range(int(seconds * RATE_HZ)))
    write_wav(path, bytes(RATE_HZ // 5 * 2) + array.array("h", samples).tobytes())
    return path


def test_turns_of_text_are_answered_one_after_the_other(provider):
    result = talk("--url", provider.url, "--text", "hi", "--text", "bye", "--json")

    told = msgspec.json.decode(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [(turn["you"], turn["agent"], turn["status"]) for turn in told["turns"]] == [
        ("hi", "Good day.", "completed"),
        ("bye", "And to you.", "completed"),
    ]
    assert (told["input_tokens"], told["output_tokens"]) == (
        provider.stats.input_tokens,
        provider.stats.output_tokens,
    )
    assert told["total_tokens"] == told["input_tokens"] + told["output_tokens"]
    assert told["credits"] is None  # a provider keeps no account of ours


def test_a_file_is_spoken_and_the_answer_can_be_kept(provider, tmp_path):
    out = tmp_path / "out.wav"
    result = talk("--url", provider.url, str(speech(tmp_path / "in.wav")), "--out", str(out), "--json")

    [turn] = msgspec.json.decode(result.stdout)["turns"]
    assert (result.exit_code, turn["you"], turn["agent"]) == (0, "hello there", "Good day.")
    assert 0 <= turn["first_audio_ms"] < 10_000
    assert len(read_wav(out)) == turn["audio_ms"] * RATE_HZ * 2 // 1000


def test_the_same_in_gemini_s_dialect(provider, tmp_path):
    out = tmp_path / "out.wav"
    spoken = str(speech(tmp_path / "in.wav"))
    words = ("--text", "bye", "--out", str(out), "--dialect", "gemini", "--json")
    result = talk("--url", f"127.0.0.1:{provider.port}", spoken, *words)

    told = msgspec.json.decode(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [(turn["you"], turn["agent"], turn["status"]) for turn in told["turns"]] == [
        ("hello there", "Good day.", "completed"),
        ("bye", "And to you.", "completed"),
    ]
    assert (told["input_tokens"], told["output_tokens"]) == (
        provider.stats.input_tokens,
        provider.stats.output_tokens,
    )
    assert len(read_wav(out)) == sum(turn["audio_ms"] for turn in told["turns"]) * RATE_HZ * 2 // 1000


def test_the_same_in_gpt_live_s_dialect_where_seconds_are_what_it_costs(provider, tmp_path):
    out = tmp_path / "answer.wav"
    file = speech(tmp_path / "hello.wav")
    words = ("--out", str(out), "--dialect", "gpt-live", "--model", "gpt-live-1", "--json")
    result = talk(str(file), "--url", provider.live_url, *words)
    assert result.exit_code == 0, result.output
    told = msgspec.json.decode(result.stdout)
    (turn,) = told["turns"]
    assert (turn["you"], turn["agent"], told["total_tokens"]) == ("hello there", "Good day.", 0)
    assert told["seconds"] * 1000 == provider.stats.session_ms
    assert len(read_wav(out)) > RATE_HZ // 2


def test_what_is_written_to_gpt_live_goes_to_the_model_behind_the_voice_and_is_answered_aloud(provider):
    words = ("--text", "hi", "--text", "bye", "--json")
    result = talk("--url", provider.live_url, "--dialect", "gpt-live", "--model", "m", *words)
    assert result.exit_code == 0, result.output
    told = msgspec.json.decode(result.stdout)
    assert [(turn["you"], turn["agent"]) for turn in told["turns"]] == [
        ("hi", "Good day."),
        ("bye", "And to you."),
    ]
    assert all(turn["first_audio_ms"] is not None for turn in told["turns"])
    assert told["seconds"] * 1000 == provider.stats.session_ms
    assert (told["input_tokens"], told["output_tokens"]) == (
        provider.stats.input_tokens,
        provider.stats.output_tokens,
    )


def test_a_refusal_of_gemini_s_is_told_in_its_words(provider):
    result = talk("--url", provider.gemini_url, "--dialect", "gemini", "--model", "", "--text", "hi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "The call was ended: 1007 Request contains an invalid argument. " in result.stderr


def test_lines_of_standard_input_are_turns(provider):
    result = talk("--url", provider.url, said="one\n\ntwo\n")
    assert result.exit_code == 0
    assert [line for line in result.stdout.splitlines() if line.startswith(("you", "agent"))] == [
        "you:   one",
        "agent: Good day.",
        "you:   two",
        "agent: And to you.",
    ]


def test_where_nobody_answers_one_line_says_so():
    result = talk("--url", "ws://127.0.0.1:9", "--text", "hi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: No call with 127.0.0.1:9:")
    assert result.stderr.count("\n") == 1


@pytest.fixture
def turns_away() -> Iterator[Callable[[int, bytes], str]]:
    """A server that says no, with this status and body; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def begin(status: int, body: bytes) -> str:
            def answer(self: BaseHTTPRequestHandler) -> None:
                head = f"HTTP/1.1 {status} No\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
                self.wfile.write(head.encode() + body)  # in one go, as a gateway does
                self.close_connection = True

            methods = {"do_GET": answer, "log_message": lambda *told: None}
            server.RequestHandlerClass = type("Answers", (BaseHTTPRequestHandler,), methods)
            return f"ws://127.0.0.1:{server.server_port}"

        yield begin
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("key", "status", "body", "told"),
    [
        (
            "",
            401,
            b'{"error":{"message":"No."}}',
            "it asks for a key. Put one into RTS_API_KEY, or use --key.",
        ),
        ("k", 401, b'{"error":{"message":"Not this one."}}', "Not this one."),
        ("k", 401, b"<html>", "it answered with HTTP status 401. Is the key right?"),
        ("k", 403, b"", "it answered with HTTP status 403. Is the key right?"),
        ("k", 404, b'{"error":[]}', "it answered with HTTP status 404."),
        ("", 503, b'{"error":{"message":"The gateway stops."}}', "The gateway stops."),
    ],
)
def test_who_is_turned_away_hears_why_and_what_to_do(turns_away, key, status, body, told):
    url = turns_away(status, body)
    result = talk("--key", key, "--url", url, "--text", "hi")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: No call with {url[5:]}: {told} (INTERNAL_PROVIDER_UNAVAILABLE)\n"


def test_nothing_to_say_is_misuse(provider):
    result = talk("--url", provider.url)
    assert result.exit_code == 2
    assert "name a WAV file, or use --text" in result.stderr


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("127.0.0.1:8080", "ws://127.0.0.1:8080/v1/realtime?model=m"),
        ("ws://h:1/", "ws://h:1/v1/realtime?model=m"),
        ("https://h/v1", "wss://h/v1/realtime?model=m"),
        ("wss://h/openai/v1/realtime?api-version=1", "wss://h/openai/v1/realtime?api-version=1&model=m"),
    ],
)
def test_an_address_is_made_whole(given, called):
    assert call_url(given, "m", None) == called


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ("h:1", f"ws://h:1{PATH}"),
        ("https://h/pfx/", f"wss://h/pfx{PATH}"),
        ("wss://h/ws/other?key=k", "wss://h/ws/other?key=k"),
    ],
)
def test_an_address_of_gemini_s_is_made_whole(given, called):
    assert gemini_url(given) == called


def test_a_session_of_gemini_s_is_named_in_a_header():
    assert GeminiCall.where("h", "k", "m", "s")[1] == {"x-goog-api-key": "k", "x-session-id": "s"}


def test_a_session_to_come_back_to_is_named_in_the_address():
    assert call_url("h", "m", "a b") == "ws://h/v1/realtime?model=m&session_id=a+b"
