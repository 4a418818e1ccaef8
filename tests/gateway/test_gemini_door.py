"""Gemini's clients at the front door, on real sockets: who is let in, who is told why not, how frames travel.
What a message means is no matter here."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import websockets
from websockets.asyncio.client import ClientConnection

from gateway_rig import KEY, SIGNING_KEY, Line, Rig, ending, rig, text, until
from realtime_switch.accounts.errors import ErrorCode, LinkError
from realtime_switch.accounts.keys import hash_key
from realtime_switch.dialects.profile import Profile
from realtime_switch.dialects.sound import PCM_16K
from realtime_switch.dialects.terms import Target, Terms
from realtime_switch.gateway import ids
from realtime_switch.gateway.client_secrets import Bound, Lock, seal
from realtime_switch.gateway.dialects import DIALECTS
from realtime_switch.gateway.switchboard import Bounds
from realtime_switch.providers.endpoint import Capabilities

LIVE = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
SETUP = {"setup": {"model": "models/m-1", "generationConfig": {"responseModalities": ["AUDIO"]}}}
COMPLETE = b'{"setupComplete":{}}'
AUDIO = b'{"serverContent":{"modelTurn":{"parts":[{"inlineData":{"mimeType":"audio/pcm","data":"AAAA"}}]}}}'


def told(setup: dict[str, Any]) -> dict[str, Any]:
    """What a provider is told of it: memory wants the agent's words as well."""
    return {"setup": {**setup["setup"], "outputAudioTranscription": {}}}


@pytest.fixture
async def here() -> AsyncIterator[Rig]:
    async with gemini_rig() as made:
        yield made


def gemini_rig(**options: Any) -> Any:
    return rig(dialect="gemini", **options)


def knock(here: Rig, path: str = LIVE, key: str | None = KEY, **headers: str) -> Any:
    headers = ({"x-goog-api-key": key} if key else {}) | {n.replace("_", "-"): v for n, v in headers.items()}
    return here.connect(path, key=None, headers=headers)


async def call(here: Rig, client: ClientConnection, setup: object = SETUP) -> tuple[Line, Any]:
    """The client says its setup and the provider confirms it. The provider's end, and what it heard."""
    here.upstream.greets = False
    await client.send(text(setup))
    line = await here.upstream.line()
    heard = await line.hear()
    await line.socket.send(COMPLETE)
    assert await client.recv() == COMPLETE
    return line, heard


def token(**bound: Any) -> str:
    now_s = ids.now_us() // 1_000_000
    made = Bound(
        **{"key_hash": "", "session_id": "ada", "expires_at": now_s + 60, "dialect": "gemini", **bound}
    )
    return f"auth_tokens/{seal(msgspec.structs.replace(made, key_hash=hash_key(KEY)), SIGNING_KEY)}"


async def test_a_call_from_its_setup_to_its_end(here: Rig) -> None:
    client = await knock(here)
    line, heard = await call(here, client)
    assert heard == told(SETUP)
    assert client.response.headers["x-session-id"].startswith("sess_")
    await client.close()
    assert await line.closed() == 1000


async def test_what_a_provider_says_in_binary_stays_binary_and_whole(here: Rig) -> None:
    """Gemini answers in binary, every frame (GEMINI-LIVE.md 2): proven, read, alone and several in one go."""
    client = await knock(here)
    line, _ = await call(here, client)
    said = [
        AUDIO,
        b'{"serverContent":{"generationComplete":true}}',
        b"{}",
        AUDIO,
        AUDIO.replace(b"AAAA", b"A" * 90_000),
    ]
    for payload in said:
        await line.socket.send(payload)
    assert [await client.recv() for _ in said] == said
    await line.socket.send([AUDIO[:20], AUDIO[20:40], AUDIO[40:]])  # in fragments
    assert await client.recv() == AUDIO
    await line.socket.send('{"serverContent":{}}')
    assert await client.recv() == '{"serverContent":{}}', "a frame that is passed on keeps its kind"
    said_aloud = {"outputTranscription": {"text": "Hi."}, "generationComplete": True}
    await line.socket.send(text({"serverContent": said_aloud}))  # whose words the client did not ask for
    shown = await client.recv()
    assert shown == b'{"serverContent":{"generationComplete":true}}', "and one of our own is binary"
    await client.close()


async def test_what_a_client_says_keeps_its_kind(here: Rig) -> None:
    client = await knock(here)
    line, _ = await call(here, client)
    audio = b'{"realtimeInput":{"audio":{"data":"AAAA"}}}'
    for payload in (audio, audio.decode(), b'{"toolResponse":{}}', '{"toolResponse":{}}'):
        await client.send(payload)
        assert await line.raw() == payload
    await client.close()


async def test_a_setup_may_come_as_binary(here: Rig) -> None:
    here.upstream.greets = False
    client = await knock(here)
    await client.send(text(SETUP).encode())
    line = await here.upstream.line()
    assert await line.hear() == told(SETUP)
    await client.close()


async def test_a_route_and_its_provider_say_how_the_call_is_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[Target, Terms]] = []

    made_by = DIALECTS["gemini"].dialect.provider_side

    def provider_side(target: Target, terms: Terms, *rest: Any) -> Any:
        seen.append((target, terms))
        return made_by(target, terms, *rest)

    monkeypatch.setattr(DIALECTS["gemini"].dialect, "provider_side", provider_side)
    profile = Profile(content="seed_only", context_update=False)
    made = gemini_rig(
        capabilities=Capabilities(input_rate_hz=16_000, free_transcription=True),
        profiles={"m-1*": profile},
        translation="strict",
        voices={"alloy": "Kore"},
        resume_by="items",
    )
    async with made as here:
        client = await knock(here)
        await call(here, client)
        await client.close()
    target, terms = seen[0]
    assert target == Target(provider="up", model="m-1", input=PCM_16K, profile=profile)
    asked = (terms.strict, terms.voices, terms.resume_by, terms.transcribe_with)
    assert asked == (True, {"alloy": "Kore"}, "items", "gpt-4o-mini-transcribe")


@pytest.mark.parametrize("where", ["here", "there"])
async def test_a_session_that_is_named_is_told_back(here: Rig, where: str) -> None:
    path, headers = (f"{LIVE}?session_id=ada", {}) if where == "here" else (LIVE, {"x_session_id": "ada"})
    client = await knock(here, path, **headers)
    assert client.response.headers["x-session-id"] == "ada"
    await client.close()


NO_KEY = (
    "Method doesn't allow unregistered callers (callers without established identity). "
    "Please use API Key or other form of API c"
)
COMPLAINTS = {
    "no key": ({"key": None}, (1008, NO_KEY)),
    "another's key": (
        {"key": "AIzaSyA"},
        (1007, "API key not valid. Please pass a valid API key. It is not one of this gateway."),
    ),
    "a token that is none": (
        {"key": "auth_tokens/ek_a.b"},
        (1007, "API key not valid: the token is invalid or has expired. Ask for a new one."),
    ),
    "a session id that is none": (
        {"path": f"{LIVE}?session_id=a%20b"},
        (1007, "A session id is 1 to 200 visible ASCII characters without spaces."),
    ),
}


@pytest.mark.parametrize("what", COMPLAINTS)
async def test_who_may_not_come_in_is_let_in_and_told_by_the_close_alone(here: Rig, what: str) -> None:
    given, close = COMPLAINTS[what]
    client = await knock(here, **given)  # type: ignore[arg-type]
    with pytest.raises(websockets.ConnectionClosed):
        await client.recv()
    assert await ending(client) == close
    assert len(here.gateway.switchboard.calls) == 0


async def test_a_full_or_stopping_gateway_is_a_status_before_the_upgrade() -> None:
    async with gemini_rig(bounds=Bounds(calls_per_key_max=1)) as here:
        first = await knock(here)
        with pytest.raises(websockets.InvalidStatus) as refused:
            await knock(here)
        assert (refused.value.response.status_code, refused.value.response.headers["retry-after"]) == (
            429,
            "5",
        )
        await first.close()
        here.gateway.switchboard.door.stopping = True
        with pytest.raises(websockets.InvalidStatus) as refused:
            await knock(here)
        assert refused.value.response.status_code == 503


async def test_a_key_that_the_ledger_does_not_know_ends_the_call_by_a_close(here: Rig) -> None:
    client = await knock(here, key="rslive_v1_" + "ff" * 24)
    await client.send(text(SETUP))
    assert await ending(client) == (
        1007,
        "API key not valid. Please pass a valid API key. (EXTERNAL_INVALID_AUTH)",
    )


# -- Tokens ------------------------------------------------------------------------------------------------


async def test_a_token_says_which_session_and_what_setup(here: Rig) -> None:
    mine = {"model": "models/m-2", "systemInstruction": {"parts": [{"text": "Be brief."}]}}
    client = await knock(here, f"{LIVE}Constrained?access_token={token(lock=Lock(setup=mine))}", key=None)
    assert client.response.headers["x-session-id"] == "ada"
    _, heard = await call(here, client)
    assert heard == told({"setup": mine})
    await client.close()


async def test_a_token_of_the_python_sdk_comes_twice(here: Rig) -> None:
    made = token()
    client = await knock(here, f"{LIVE}Constrained", key=made, authorization=f"Token {made}")
    _, heard = await call(here, client)
    assert heard == told(SETUP)
    await client.close()


async def test_a_token_opens_no_other_session(here: Rig) -> None:
    client = await knock(here, f"{LIVE}?session_id=bob", key=token())
    assert await ending(client) == (
        1008,
        "BidiGenerateContent session not found: this token was made for another one.",
    )
    resuming = {"setup": {**SETUP["setup"], "sessionResumption": {"handle": "bob"}}}
    client = await knock(here, key=token())
    await client.send(text(resuming))
    assert (await ending(client))[0] == 1008
    assert here.books.questions == 0, "the ledger was not asked about it"


async def test_a_token_that_came_too_late_begins_nothing(here: Rig) -> None:
    late = token(begins_until=ids.now_us() // 1_000_000 - 1)
    client = await knock(here, key=late)
    await client.send(text(SETUP))
    assert (await ending(client))[0] == 1007
    client = await knock(here, key=late)
    _, heard = await call(
        here, client, {"setup": {"model": "m-1", "sessionResumption": {"handle": "rs.ada"}}}
    )
    assert heard["setup"]["sessionResumption"] == {}, "a handle of ours is not the provider's"
    await client.close()


async def test_a_token_opens_as_many_calls_as_it_may_and_then_goes_on_by_its_handle(here: Rig) -> None:
    made = token(uses=1, token_id="t")
    first = await knock(here, key=made)
    await call(here, first)
    spent = await knock(here, key=made)
    await spent.send(text(SETUP))
    assert await ending(spent) == (
        1007,
        "API key expired. Please renew the API key. (EXTERNAL_TOKEN_SPENT)",
    )
    assert len(here.gateway.switchboard.calls) == 1, "the call that runs was not taken over"
    again = await knock(here, key=made)
    await call(here, again, {"setup": {"model": "m-1", "sessionResumption": {"handle": "rs.ada"}}})
    assert [one.goes_on for one in here.books.token_uses] == [False, True]
    await again.close()


async def test_while_nobody_can_count_a_token_opens_nothing(here: Rig) -> None:
    here.books.failures.append(LinkError(ErrorCode.INTERNAL_LINK_TIMEOUT, "away"))
    client = await knock(here, key=token(uses=1, token_id="t"))
    await client.send(text(SETUP))
    assert await ending(client) == (1011, "Internal error encountered. (INTERNAL_LINK_TIMEOUT)")
    assert here.books.token_uses == []


async def test_a_token_for_gemini_clients_does_not_open_the_other_door(here: Rig) -> None:
    """There nobody would put its setup over what the client asks for."""
    client = await here.connect("/v1/realtime?model=m", key=token().removeprefix("auth_tokens/"))
    error = msgspec.json.decode(await client.recv())["error"]
    assert (error["code"], error["message"]) == (
        "invalid_api_key",
        "This token was made for clients of another dialect.",
    )
    assert (await ending(client))[0] == 3000


async def test_a_client_secret_opens_both_doors_with_its_own_model(here: Rig) -> None:
    secret = token(dialect="", model="m-1")
    client = await knock(here, key=secret)
    await call(here, client)
    await client.close()
    client = await knock(here, key=secret)
    await client.send(text({"setup": {"model": "models/m-2"}}))
    assert await ending(client) == (1008, "This token was made for another model.")
    await until(lambda: len(here.gateway.switchboard.calls) == 0)
