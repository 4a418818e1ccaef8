"""google-genai, unmodified, at the front door: over TLS, which it insists on, with a key and with a token."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import websockets
from google import genai
from google.genai import errors, types

from gateway_rig import KEY, Rig, beside, rig
from gateway_tls import trusted_tls

pytestmark = pytest.mark.filterwarnings("ignore")  # the SDK calls its own methods experimental

CONFIG = types.LiveConnectConfig(response_modalities=[types.Modality.AUDIO], system_instruction="Be brief.")


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    async with rig(tls=trusted_tls(tmp_path, monkeypatch), dialect="gemini") as made:
        made.upstream.greets = False
        yield made


def sdk(here: Rig, key: str | None, path: str = "", version: str = "v1alpha") -> genai.Client:
    options = types.HttpOptions(base_url=f"{here.http}{path}", api_version=version)
    return genai.Client(api_key=key, vertexai=False, http_options=options)


async def heard_of_call(
    here: Rig, client: genai.Client, model: str, config: types.LiveConnectConfig
) -> object:
    async def provider() -> object:
        line = await here.upstream.line()
        setup = await line.hear()
        await line.socket.send(b'{"setupComplete":{}}')
        return setup["setup"]

    answering = beside(provider())
    async with client.aio.live.connect(model=model, config=config) as session:
        assert session.setup_complete is not None
        return await asyncio.wait_for(answering, 5)


SETUP = {
    "model": "models/m-1",
    "generationConfig": {"responseModalities": ["AUDIO"]},
    "outputAudioTranscription": {},
    "systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"},
}


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("path", ["", "/prefix"])
async def test_a_call_with_a_key(here: Rig, version: str, path: str) -> None:
    assert await heard_of_call(here, sdk(here, KEY, path, version), "m-1", CONFIG) == SETUP


async def test_a_call_with_a_token_that_locks_it(here: Rig) -> None:
    constraints = types.LiveConnectConstraints(model="m-1", config=CONFIG)
    asked = types.CreateAuthTokenConfig(live_connect_constraints=constraints)
    token = await sdk(here, KEY).aio.auth_tokens.create(config=asked)
    other = types.LiveConnectConfig(system_instruction="Say what you like.", temperature=2)
    assert await heard_of_call(here, sdk(here, token.name), "m-2", other) == SETUP


async def test_a_token_that_has_opened_its_one_call_is_told_by_the_close(here: Rig) -> None:
    token = await sdk(here, KEY).aio.auth_tokens.create(config=types.CreateAuthTokenConfig())
    assert await heard_of_call(here, sdk(here, token.name), "m-1", CONFIG) == SETUP
    with pytest.raises(errors.APIError) as refused:
        async with sdk(here, token.name).aio.live.connect(model="m-1", config=CONFIG):
            pass
    assert refused.value.code == 1007
    assert "API key expired. Please renew the API key. (EXTERNAL_TOKEN_SPENT)" in str(refused.value)


async def test_a_wrong_key_is_told_by_the_close(here: Rig) -> None:
    with pytest.raises(websockets.ConnectionClosed) as closed:
        async with sdk(here, "AIza").aio.live.connect(model="m-1", config=CONFIG):
            pass
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007
    assert closed.value.rcvd.reason.startswith("API key not valid. Please pass a valid API key.")
