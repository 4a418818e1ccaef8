"""An endpoint: all that is needed to dial one provider, from a few lines of configuration.

No model and no service is built into the code: what services of one dialect do
differently is said by `Capabilities` and by how the key and the model travel, and
what models do differently by `profiles`. The names that need no configuration at
all are in builtin.py, as configuration.

The key is told to `dial` alone. It travels in a header and never in an
address, because addresses end up in logs.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit, urlunsplit

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from ..dialects.profile import Profile
from ..secret import Secret

DialectName = Literal["openai", "gemini", "gpt-live"]
Rate = Annotated[int, Meta(ge=8000, le=48000)]
Seconds = Annotated[int, Meta(ge=1, le=86_400)]


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a service does unlike the provider whose dialect it speaks (OPENAI-REALTIME.md 15)."""

    spelling: Literal["ga", "beta"] = "ga"  # event names and session shape; Azure preview and Qwen speak beta
    input_rate_hz: Rate = 24_000
    output_rate_hz: Rate = 24_000
    tools: Literal["flat", "nested"] = "flat"
    first_frame: Literal["provider", "client"] = "provider"  # who speaks first; some wait for the settings
    free_transcription: bool = False  # the user's words cost nothing, so they are asked for (B2a)
    ping_patience_s: Seconds = (
        60  # nothing was heard for so long, no answer to a ping either: the line is dead
    )
    connection_s_max: Seconds = 3600  # when the provider itself hangs up


class Provider(Struct, frozen=True, kw_only=True):
    """A provider as the configuration file has it: [providers.NAME]."""

    dialect: DialectName
    url: str
    key_env: str = ""
    key_file: str = ""  # read at every dial, so a token that is renewed there needs no restart
    key_command: str = ""  # prints the key; run without a shell, at a dial
    key_command_ttl_s: Seconds = 300  # how long what it printed is used
    key_header: str = ""  # "": where the dialect's own provider wants it
    key_prefix: str | UnsetType = UNSET  # before the key; "Bearer " in Authorization, nothing elsewhere
    model_query: str | UnsetType = (
        UNSET  # the query parameter that names the model; "": it is not in the address
    )
    headers: dict[str, Secret] = {}  # values may be secret, nobody can tell
    capabilities: Capabilities = Capabilities()
    profiles: dict[str, Profile] = {}  # by globs of models; the first that fits counts


_KEY_HEADER: Mapping[DialectName, str] = {
    "openai": "Authorization",
    "gemini": "x-goog-api-key",
    "gpt-live": "Authorization",
}
# Gemini hears it in `setup`, GPT-Live in `session.start`.
_MODEL_QUERY: Mapping[DialectName, str] = {"openai": "model", "gemini": "", "gpt-live": ""}


def key_in(said: bytes) -> Secret:
    """What a file or a command says; it goes into a header, so it is one line. Raises ValueError, without a
    word of it."""
    key = said.decode("ascii", "replace").strip()
    if not (key and key.isascii() and key.isprintable()):
        raise ValueError
    return Secret(key)


class Dial(Struct, frozen=True):
    """Where to connect and what to say in the handshake. Its repr holds no key."""

    url: str
    headers: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Dial({self.url!r}, headers={sorted(self.headers)})"


class Endpoint(Struct, frozen=True, kw_only=True):
    """A provider with its key in hand."""

    name: str
    provider: Provider
    key: Secret | None = None

    @property
    def dialect(self) -> DialectName:
        return self.provider.dialect

    @property
    def capabilities(self) -> Capabilities:
        return self.provider.capabilities

    @property
    def lacks_key(self) -> bool:
        """A key is asked for by name, and the environment does not have it."""
        provider = self.provider
        return bool(provider.key_env) and not (provider.key_file or provider.key_command) and self.key is None

    def profile(self, model: str) -> Profile:
        """By the model's name, whatever path Vertex AI has before it."""
        name = model.rpartition("/")[2]
        profiles = self.provider.profiles
        return next((p for glob, p in profiles.items() if fnmatchcase(name, glob)), Profile())

    def at(self, url: str) -> "Endpoint":
        """The same endpoint at another address: the local provider's is known when it runs."""
        return replace(self, provider=replace(self.provider, url=url))

    def dial(self, model: str, printed: Secret | None = None) -> Dial:
        """`printed`: what `key_command` said. Raises OSError when the key file cannot be read, and ValueError
        when it holds no key, such as while it is being written."""
        provider = self.provider
        headers = {name: value.reveal() for name, value in provider.headers.items()}
        secret = printed or self.key
        if provider.key_file:
            secret = key_in(Path(provider.key_file).read_bytes())
        if secret is not None:
            header = provider.key_header or _KEY_HEADER[provider.dialect]
            prefix = provider.key_prefix
            if prefix is UNSET:
                prefix = "Bearer " if header.lower() == "authorization" else ""
            headers[header] = f"{prefix}{secret.reveal()}"
        query = provider.model_query
        if query is UNSET:
            query = _MODEL_QUERY[provider.dialect]
        return Dial(_with_query(provider.url, query, model) if query and model else provider.url, headers)


def _with_query(url: str, name: str, value: str) -> str:
    parts = urlsplit(url)
    # Slashes and colons are part of model names ("org/model:tag") and allowed in a query.
    added = f"{name}={quote(value, safe='/:')}"
    return urlunsplit(parts._replace(query=f"{parts.query}&{added}" if parts.query else added))
