"""What can be set, and what it is when nobody sets it. docs/configuration.md says it in prose."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from msgspec import Meta, Struct

from ..accounts.errors import ConfigurationError, ErrorCode
from ..providers.builtin import GEMINI_PATH, GPT_LIVE_PATH, LOCAL, LOCAL_GEMINI, LOCAL_GPT_LIVE, LOCALS
from ..providers.endpoint import Endpoint
from ..providers.routes import Route, Routes, routes_without_a_file
from ..secret import Secret
from ..session import limits

Port = Annotated[int, Meta(ge=0, le=65_535)]
Amounts = Annotated[int, Meta(ge=0)]
AtLeastOne = Annotated[int, Meta(ge=1)]
Amount = Annotated[str, Meta(pattern=r"^[0-9.]+$")] | int  # never a float: 0.1 is not a tenth in binary


class DatabaseSettings(Struct, frozen=True, kw_only=True):
    path: str = ""  # SQLite; "": realtime-switch.db in the data directory
    url: Secret | None = None  # PostgreSQL; it may hold a password
    key_file: str = ""  # "": db.key in the data directory


class LinkSettings(Struct, frozen=True, kw_only=True):
    socket_path: str = ""  # "": in the data directory, or where socket paths are short enough
    business: tuple[str, ...] = ()  # where gateways find business processes; (): at socket_path
    timeout_ms: Annotated[int, Meta(ge=1, le=600_000)] = 5_000  # A3


class GatewaySettings(Struct, frozen=True, kw_only=True):
    host: str = "127.0.0.1"
    port: Port = 8080
    message_bytes_max: AtLeastOne = limits.MESSAGE_BYTES_MAX
    idle_s: Annotated[int, Meta(ge=1)] = int(limits.IDLE_S)
    calls_max: AtLeastOne = limits.CALLS_MAX
    calls_per_key_max: AtLeastOne = limits.CALLS_PER_KEY_MAX
    drain_s: Annotated[int, Meta(ge=0, le=3_600)] = int(limits.DRAIN_S)
    tls_cert: str = ""  # a file; "": without TLS
    tls_key: str = ""  # "": in the file of the certificate


class OutboxSettings(Struct, frozen=True, kw_only=True):
    path: str = ""  # on a local disk; "": outbox in the data directory
    records_max: Annotated[int, Meta(ge=100)] = 100_000
    # Several files (outbox/shelf.py), of which each waits for its last record.
    bytes_max: Annotated[int, Meta(ge=16 * 1024 * 1024)] = 256 * 1024 * 1024
    # "second": what was kept in about the last second. "nothing": then every record waits for the disk.
    power_cut_loses: Literal["second", "nothing"] = "second"


class RateSettings(Struct, frozen=True, kw_only=True):
    """What things cost, in credits; business/credits.py reads it and says what is left out.

    The same members as its RateEntry: the gateway reads settings too, and must not meet the business side.
    """

    match: str
    input_text: Amount | None = None
    input_audio: Amount | None = None
    input_image: Amount | None = None
    cached_text: Amount | None = None
    cached_audio: Amount | None = None
    cached_image: Amount | None = None
    output_text: Amount | None = None
    output_audio: Amount | None = None
    transcription_input: Amount | None = None
    transcription_output: Amount | None = None
    transcription_second: Amount | None = None
    session_second: Amount | None = None
    fee: Amount | None = None


class SummarySettings(Struct, frozen=True, kw_only=True):
    # openai: any chat completions endpoint; gemini: generateContent
    dialect: Literal["openai", "gemini"] = "openai"
    url: str = ""  # what stands before /chat/completions or /models/...; "": the provider's own
    model: str = ""  # "": none; the old part of a long conversation is left out under a mark
    key_env: str = ""  # "": the provider's own, unless url leads elsewhere
    deadline_s: AtLeastOne = 60


class RetentionSettings(Struct, frozen=True, kw_only=True):
    """For how many days accounts that have no setting of their own keep things; None: for ever."""

    transcripts_days: AtLeastOne | None = None
    usage_days: AtLeastOne | None = None


class LogSettings(Struct, frozen=True, kw_only=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "text"] = "auto"  # auto: text on a terminal, JSON otherwise


class LimitSettings(Struct, frozen=True, kw_only=True):
    """Of one gateway process; 0 and () are no limit."""

    calls_per_account_max: Amounts = 0
    connects_per_minute_per_key: Amounts = 0
    connects_per_minute_per_account: Amounts = 0
    messages_per_s_per_key: Amounts = 0
    messages_per_s_per_account: Amounts = 0
    bytes_per_s_per_key: Amounts = 0
    bytes_per_s_per_account: Amounts = 0
    tokens_per_call_max: Amounts = 0
    minutes_per_call_max: Amounts = 0
    origins: tuple[str, ...] = ()  # globs; who names none is let in
    trusted_proxies: tuple[str, ...] = ()  # addresses and networks whose X-Forwarded-For is believed


class MetricsSettings(Struct, frozen=True, kw_only=True):
    token_file: str = ""  # "": metrics.token in the data directory, made at the first start


class Settings(Struct, frozen=True, kw_only=True):
    """All of it, checked. Paths are absolute."""

    data: Path
    file: Path | None  # the configuration file that was read
    database: DatabaseSettings
    database_key: Secret | None  # from the environment; place.database_key knows the file
    link: LinkSettings
    gateway: GatewaySettings
    outbox: OutboxSettings
    endpoints: Mapping[str, Endpoint]
    routes: tuple[Route, ...]  # as configured; () when the file has none
    rates: tuple[RateSettings, ...]
    summary: SummarySettings
    summary_key: Secret | None
    retention: RetentionSettings
    log: LogSettings
    metrics: MetricsSettings
    limits: LimitSettings

    @property
    def database_path(self) -> Path:
        return Path(self.database.path)

    @property
    def key_file(self) -> Path:
        return Path(self.database.key_file)

    @property
    def pending_key_file(self) -> Path:
        """Where `rekey` puts the new key until the database has it."""
        return self.key_file.with_name(f"{self.key_file.name}.new")

    @property
    def outbox_path(self) -> Path:
        return Path(self.outbox.path)

    @property
    def link_address(self) -> str:
        path = self.link.socket_path
        return path if "://" in path else f"ipc://{path}"

    @property
    def link_addresses(self) -> tuple[str, ...]:
        """All the business processes that a gateway may ask."""
        return self.link.business or (self.link_address,)

    @property
    def needs_local(self) -> bool:
        """Does a route lead to the local provider, which nobody else runs?"""
        endpoints = self._endpoints("")
        targets = {target.provider for route in self._routes() for target in route.targets}
        return any(name in targets and not endpoints[name].provider.url for name in LOCALS)

    def build_routes(self, local_url: str = "") -> Routes:
        """The routes with everything they need to dial. `local_url` is where the local provider listens for
        the OpenAI dialect; for the others it listens beside that.

        Raises ConfigurationError when a route leads to a provider without its key or address (A26).
        """
        endpoints = self._endpoints(local_url)
        routes = self._routes()
        for route in routes:
            for target in route.targets:
                _check_endpoint(route, endpoints[target.provider])
        return Routes(routes, endpoints)

    def _endpoints(self, local_url: str) -> dict[str, Endpoint]:
        """All names of the local provider mean one program, so one address is enough for them."""
        endpoints = dict(self.endpoints)
        there = endpoints[LOCAL].provider.url or local_url
        if there:
            beside = {LOCAL_GEMINI: GEMINI_PATH, LOCAL_GPT_LIVE: GPT_LIVE_PATH}
            for name in LOCALS:
                url = _beside(there, beside[name]) if name in beside else there
                if not endpoints[name].provider.url:
                    endpoints[name] = endpoints[name].at(url)
        return endpoints

    def _routes(self) -> tuple[Route, ...]:
        return self.routes or routes_without_a_file(self.endpoints)


def _beside(local_url: str, path: str) -> str:
    return urlunsplit(urlsplit(local_url)._replace(path=path, query=""))


def _check_endpoint(route: Route, endpoint: Endpoint) -> None:
    if endpoint.lacks_key:
        raise ConfigurationError(
            ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND,
            f"The route {route.name!r} leads to the provider {endpoint.name!r}, whose key is not there: "
            f"set {endpoint.provider.key_env}.",
        )
    if not endpoint.provider.url:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The route {route.name!r} leads to the local provider, which is not running here: use "
            "`realtime-switch serve`, or say where it is with url in [providers.local].",
        )
