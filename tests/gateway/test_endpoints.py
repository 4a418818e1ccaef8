"""The providers that docs/configuration.md shows, dialled: where a call goes, and what it says of itself."""

import re
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from picows import WSListener

from gateway_rig import Line, Upstream
from realtime_switch.gateway.dial import dial
from realtime_switch.gateway.provider_keys import ProviderKeys
from realtime_switch.providers.endpoint import Endpoint
from realtime_switch.settings.load import Flags, load

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()
(EXAMPLES,) = (block for block in re.findall(r"```toml\n(.*?)```", PAGE, re.S) if "[providers." in block)
KEYS = {
    "OPENAI_API_KEY": "sk-openai",
    "AZURE_OPENAI_API_KEY": "azure-key",
    "GEMINI_API_KEY": "gemini-key",
    "XAI_API_KEY": "xai-key",
    "DASHSCOPE_API_KEY": "qwen-key",
}
GEMINI_PATH = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
VERTEX_PATH = "/ws/google.cloud.aiplatform.v1.LlmBidiService/BidiGenerateContent"

# The host, then path and query, then the headers that are not the handshake's own.
DIALLED = {
    "openai": ("api.openai.com", "/v1/realtime?model=m", {"authorization": "Bearer sk-openai"}),
    "azure": (
        "RESOURCE.openai.azure.com",
        "/openai/v1/realtime?model=m",
        {"api-key": "azure-key"},
    ),
    "azure-preview": (
        "RESOURCE.openai.azure.com",
        "/openai/realtime?api-version=2025-04-01-preview&deployment=m",
        {"api-key": "azure-key"},
    ),
    "gpt-live": ("api.openai.com", "/v1/live/sessions", {"authorization": "Bearer sk-openai"}),
    "azure-live": ("RESOURCE.openai.azure.com", "/openai/v1/live/sessions", {"api-key": "azure-key"}),
    "gemini": ("generativelanguage.googleapis.com", GEMINI_PATH, {"x-goog-api-key": "gemini-key"}),
    "vertex": (
        "us-central1-aiplatform.googleapis.com",
        VERTEX_PATH,
        {"authorization": "Bearer ya29.printed", "x-goog-user-project": "PROJECT"},
    ),
    "vertex-by-file": (
        "us-central1-aiplatform.googleapis.com",
        VERTEX_PATH,
        {"authorization": "Bearer ya29.written"},
    ),
    "xai": ("api.x.ai", "/v1/realtime?model=m", {"authorization": "Bearer xai-key"}),
    "qwen": (
        "dashscope.aliyuncs.com",
        "/api-ws/v1/realtime?model=m",
        {"authorization": "Bearer qwen-key"},
    ),
    "own": ("10.0.0.7", "/v1/realtime?model=m", {}),
}
OF_THE_HANDSHAKE = {"host", "upgrade", "connection", "sec-websocket-version", "sec-websocket-key"}


@pytest.fixture
def endpoints(tmp_path: Path) -> dict[str, Endpoint]:
    file = tmp_path / "realtime-switch.toml"
    assert "gcloud auth print-access-token" in EXAMPLES
    file.write_text(EXAMPLES.replace("gcloud auth print-access-token", "echo ya29.printed"))
    (tmp_path / "vertex-token").write_text("ya29.written\n")
    return dict(load(Flags(data=tmp_path), KEYS).endpoints)


async def dialled(upstream: Upstream, endpoint: Endpoint) -> Line:
    there = urlsplit(endpoint.provider.url)._replace(scheme="ws", netloc=urlsplit(upstream.url).netloc)
    here = endpoint.at(there.geturl())
    key = await ProviderKeys(lambda: 0.0).key_of(here, 10.0)
    transport = await dial(
        here.dial("m", key),
        WSListener(),
        within_s=5,
        message_bytes_max=1 << 20,
        buffer_bytes=1 << 14,
        tls=ssl.create_default_context(),
    )
    line = await upstream.line()
    transport.disconnect()
    return line


@pytest.mark.parametrize("name", DIALLED)
async def test_what_the_page_shows_is_dialled_so(endpoints: dict[str, Endpoint], name: str) -> None:
    host, resource, headers = DIALLED[name]
    assert urlsplit(endpoints[name].provider.url).netloc.partition(":")[0] == host
    async with Upstream() as upstream:
        line = await dialled(upstream, endpoints[name])
    assert line.path == resource
    said = {name.lower(): value for name, value in line.headers.raw_items()}
    assert {name: value for name, value in said.items() if name not in OF_THE_HANDSHAKE} == headers


def test_all_that_the_page_shows_are_here(endpoints: dict[str, Endpoint]) -> None:
    assert DIALLED.keys() == endpoints.keys() - {"local", "local-gemini", "local-gpt-live"}
