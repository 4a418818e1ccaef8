"""Reading the settings: defaults < configuration file < environment < flags (A26)."""

import ipaddress
import os
import shlex
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from ..accounts.errors import ConfigurationError, ErrorCode
from ..providers.builtin import BUILT_IN, CAPABILITIES, LOCALS, PROFILES
from ..providers.endpoint import Endpoint, Provider
from ..providers.routes import Route, Target, parse_target
from ..secret import Secret
from . import place
from .shape import (
    DatabaseSettings,
    GatewaySettings,
    LimitSettings,
    LinkSettings,
    LogSettings,
    MetricsSettings,
    OutboxSettings,
    RateSettings,
    RetentionSettings,
    Settings,
    SummarySettings,
)
from .source import SettingPath, Sources, build, convert, nearest

SECTIONS = (
    "database",
    "link",
    "gateway",
    "outbox",
    "providers",
    "routes",
    "rates",
    "summary",
    "retention",
    "log",
    "metrics",
    "limits",
)

# The names in use (A26), and what each of them sets.
ENVIRONMENT: Mapping[str, SettingPath] = {
    "DB_PATH": ("database", "path"),
    "DATABASE_URL": ("database", "url"),
    "ZMQ_SOCKET_PATH": ("link", "socket_path"),
    "ZMQ_TIMEOUT_MS": ("link", "timeout_ms"),
    "HOST": ("gateway", "host"),
    "PORT": ("gateway", "port"),
    "TLS_CERT": ("gateway", "tls_cert"),
    "TLS_KEY": ("gateway", "tls_key"),
    "MAX_PAYLOAD_LENGTH": ("gateway", "message_bytes_max"),
    "IDLE_TIMEOUT": ("gateway", "idle_s"),
    "LOG_LEVEL": ("log", "level"),
    "LOG_FORMAT": ("log", "format"),
}
DATA_NAME = "RTS_DATA"
CONFIG_NAME = "RTS_CONFIG"
KEY_NAME = "DB_ENCRYPTION_KEY"
URL_NAME = "DATABASE_URL"


class Flags(Struct, frozen=True, kw_only=True):
    """What the command line says; None where it says nothing."""

    data: Path | None = None
    config: Path | None = None
    host: str | None = None
    port: int | None = None
    tls_cert: str | None = None
    tls_key: str | None = None


def load(flags: Flags | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Raises ConfigurationError with one sentence that says where to look."""
    flags = flags or Flags()
    # A variable that is set to nothing is how a shell or a compose file says "not set".
    environ = {
        name: value for name, value in (os.environ if environ is None else environ).items() if value.strip()
    }
    data = _absolute(flags.data or environ.get(DATA_NAME) or place.default_directory(environ))
    file, text = _read_file(flags, environ, data)
    tables = _parse(file, text)
    sources = Sources(file, text)
    for name in tables:
        if name not in SECTIONS:
            raise sources.complaint((name,), f"is not a section. {nearest(name, SECTIONS)}")
    _overlay(tables, sources, flags, environ)
    return _settings(tables, sources, data, file, environ)


def _absolute(path: str | Path, base: Path | None = None) -> Path:
    path = Path(path).expanduser()
    return Path(os.path.normpath((base or Path.cwd()) / path))


def _read_file(flags: Flags, environ: Mapping[str, str], data: Path) -> tuple[Path | None, str]:
    named = flags.config or environ.get(CONFIG_NAME)
    file = _absolute(named or data / place.CONFIG_FILE)
    if not named and not file.exists():
        return None, ""
    try:
        return file, file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID, f"The configuration file {file} cannot be read: {why}."
        ) from error


def _parse(file: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(ErrorCode.INTERNAL_CONFIG_INVALID, f"{file} is not TOML: {error}.") from None


def _overlay(tables: dict[str, Any], sources: Sources, flags: Flags, environ: Mapping[str, str]) -> None:
    """Lay environment and flags over what the file says."""
    over = [(path, environ[name], name) for name, path in ENVIRONMENT.items() if name in environ]
    if (url := _secret_of(environ, URL_NAME)) is not None:
        over.append((ENVIRONMENT[URL_NAME], url, URL_NAME))
    for name in ("host", "port", "tls_cert", "tls_key"):
        if (value := getattr(flags, name)) is not None:
            over.append((("gateway", name), str(value), f"--{name.replace('_', '-')}"))
    for path, value, source in over:
        section, key = path
        table = tables.setdefault(section, {})
        if not isinstance(table, dict):
            raise sources.complaint((section,), "must be a table.")
        table[key] = value.strip()
        sources.name(path, source)


def _secret_of(environ: Mapping[str, str], name: str) -> str | None:
    """What the variable holds, or the file that NAME_FILE names, as secrets are handed to containers. Unlike
    our own key files it may be readable by others: whoever mounts it there decides that."""
    file = environ.get(f"{name}_FILE")
    if file is None:
        return environ.get(name)
    if name in environ:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID, f"{name} and {name}_FILE are both set. Keep one of the two."
        )
    try:
        text = Path(file.strip()).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
    else:
        why = "" if text else "it is empty"
    if why:
        raise ConfigurationError(
            ErrorCode.INTERNAL_CONFIG_INVALID,
            f"The file {file} that {name}_FILE names cannot be used: {why}.",
        )
    return text


def _settings(
    tables: dict[str, Any], sources: Sources, data: Path, file: Path | None, environ: Mapping[str, str]
) -> Settings:
    def key_of(name: str) -> Secret | None:
        text = _secret_of(environ, name) if name else None
        return None if text is None else Secret(text.strip())

    def path_of(section: str, name: str, value: str, otherwise: Path) -> str:
        """Relative to the file that says it, or to where we were started."""
        in_file = file and not sources.is_named((section, name))
        return str(_absolute(value, file.parent if in_file and file else None) if value else otherwise)

    database = build(DatabaseSettings, tables.get("database", {}), ("database",), sources)
    if database.url and not database.url.reveal().startswith(("postgresql://", "postgres://")):
        raise sources.complaint(("database", "url"), "must begin with postgresql://.")
    link = build(LinkSettings, tables.get("link", {}), ("link",), sources)
    if "://" not in link.socket_path:
        socket = path_of("link", "socket_path", link.socket_path, place.socket_path(data, environ))
        link = replace(link, socket_path=socket)
    outbox = build(OutboxSettings, tables.get("outbox", {}), ("outbox",), sources)
    summary = build(SummarySettings, tables.get("summary", {}), ("summary",), sources)
    if summary.url and not summary.url.startswith(("https://", "http://")):
        raise sources.complaint(("summary", "url"), "must be an address like https://host/v1.")
    gateway = build(GatewaySettings, tables.get("gateway", {}), ("gateway",), sources)
    if gateway.tls_key and not gateway.tls_cert:
        raise sources.complaint(("gateway", "tls_key"), "stands alone. Set tls_cert, too.")
    tls_cert, tls_key = (
        path_of("gateway", name, getattr(gateway, name), Path()) if getattr(gateway, name) else ""
        for name in ("tls_cert", "tls_key")
    )
    metrics = build(MetricsSettings, tables.get("metrics", {}), ("metrics",), sources)
    token_file = path_of("metrics", "token_file", metrics.token_file, data / place.METRICS_TOKEN_FILE)
    endpoints = _endpoints(tables.get("providers", {}), sources, file, key_of)
    return Settings(
        data=data,
        file=file,
        database=replace(
            database,
            path=path_of("database", "path", database.path, data / place.DATABASE_FILE),
            key_file=path_of("database", "key_file", database.key_file, data / place.KEY_FILE),
        ),
        database_key=key_of(KEY_NAME),
        link=link,
        outbox=replace(outbox, path=path_of("outbox", "path", outbox.path, data / place.OUTBOX_DIRECTORY)),
        gateway=replace(gateway, tls_cert=tls_cert, tls_key=tls_key),
        endpoints=endpoints,
        routes=_routes(tables.get("routes", {}), sources, endpoints),
        rates=_rates(tables.get("rates", []), sources),
        summary=summary,
        summary_key=_summary_key(summary, key_of),
        retention=build(RetentionSettings, tables.get("retention", {}), ("retention",), sources),
        log=build(LogSettings, tables.get("log", {}), ("log",), sources),
        metrics=replace(metrics, token_file=token_file),
        limits=_limits(tables.get("limits", {}), sources),
    )


def _limits(table: object, sources: Sources) -> LimitSettings:
    chosen = build(LimitSettings, table, ("limits",), sources)
    for network in chosen.trusted_proxies:
        try:
            ipaddress.ip_network(network, strict=False)
        except ValueError:
            path = ("limits", "trusted_proxies")
            raise sources.complaint(path, 'must be addresses or networks, like "10.0.0.0/8".') from None
    return chosen


def _summary_key(summary: SummarySettings, key_of: Callable[[str], Secret | None]) -> Secret | None:
    if summary.key_env:
        return key_of(summary.key_env)
    # A provider's key goes to that provider, and not to an address that somebody else keeps.
    return None if summary.url else key_of(str(BUILT_IN[summary.dialect]["key_env"]))


def _endpoints(
    tables: object, sources: Sources, file: Path | None, key_of: Callable[[str], Secret | None]
) -> dict[str, Endpoint]:
    if not isinstance(tables, Mapping):
        raise sources.complaint(("providers",), "must be tables: [providers.NAME].")
    endpoints = {}
    for name in dict.fromkeys((*tables, *BUILT_IN)):
        path = ("providers", name)
        table = tables.get(name, {})
        if not isinstance(table, Mapping) or "/" in name:
            raise sources.complaint(path, "must be a table whose name has no slash.")
        built_in: dict[str, Any] = dict(BUILT_IN.get(name, {}))
        if "key_file" in table or "key_command" in table:
            built_in.pop("key_env", None)
        table = {**built_in, **table}
        dialect = str(table.get("dialect"))
        if isinstance(own := table.get("capabilities", {}), Mapping):
            usual = {**CAPABILITIES.get(dialect, {}), **built_in.get("capabilities", {})}
            table["capabilities"] = {**usual, **own}
        if isinstance(own := table.get("profiles", {}), Mapping):
            table["profiles"] = {
                **own,
                **{g: p for g, p in PROFILES.get(dialect, {}).items() if g not in own},
            }
        provider = build(Provider, table, path, sources)
        if provider.key_file and provider.key_env:
            raise sources.complaint((*path, "key_file"), "stands beside key_env. Keep one of the two.")
        _check_key_command(provider, path, sources)
        if provider.url or name not in LOCALS:
            _check_url(provider.url, (*path, "url"), sources)
        if provider.key_file:
            key_file = str(_absolute(provider.key_file, file.parent if file else None))
            provider = replace(provider, key_file=key_file)
        endpoints[name] = Endpoint(name=name, provider=provider, key=key_of(provider.key_env))
    return endpoints


def _check_key_command(provider: Provider, path: SettingPath, sources: Sources) -> None:
    if not provider.key_command:
        return
    if provider.key_file or provider.key_env:
        beside = "key_file" if provider.key_file else "key_env"
        raise sources.complaint((*path, "key_command"), f"stands beside {beside}. Keep one of the two.")
    try:
        words = shlex.split(provider.key_command)
    except ValueError:
        words = []
    if not words:
        raise sources.complaint((*path, "key_command"), "is no command: look at its quotes.")


def _check_url(url: str, path: SettingPath, sources: Sources) -> None:
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in ("ws", "wss") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        good = False
    if not good or parts.fragment:
        raise sources.complaint(path, "must be an address like wss://host/path.")


def _routes(tables: object, sources: Sources, endpoints: Mapping[str, Endpoint]) -> tuple[Route, ...]:
    if not isinstance(tables, Mapping):
        raise sources.complaint(("routes",), "must be tables: [routes.NAME].")
    routes = []
    for name, table in tables.items():
        path = ("routes", name)
        if not isinstance(table, Mapping):
            raise sources.complaint(path, "must be a table.")
        if not table.get("targets"):
            raise sources.complaint(path, 'needs targets, such as targets = ["openai/gpt-realtime"].')
        rest = {key: value for key, value in table.items() if key != "targets"}
        targets = _targets(table["targets"], (*path, "targets"), sources, endpoints)
        route = build(Route, rest, path, sources, name=name, targets=targets)
        # OpenAI's dialect asks for transcription by the name of a model.
        named = any(endpoints[target.provider].dialect == "openai" for target in targets)
        if named and route.transcribe_input == "always" and not route.transcribe_with:
            raise sources.complaint(path, "needs transcribe_with, the model that writes down what users say.")
        routes.append(route)
    return tuple(routes)


def _targets(
    values: object, path: SettingPath, sources: Sources, endpoints: Mapping[str, Endpoint]
) -> tuple[Target, ...]:
    targets = []
    for text in convert(list[str], values, path, sources):
        target = parse_target(text)
        if target is None:
            raise sources.complaint(path, 'must be written "provider/model".')
        if target.provider not in endpoints:
            raise sources.complaint(
                path, f"name a provider that is not there. {nearest(target.provider, endpoints)}"
            )
        targets.append(target)
    return tuple(targets)


def _rates(tables: object, sources: Sources) -> tuple[RateSettings, ...]:
    if not isinstance(tables, list):
        raise sources.complaint(("rates",), "must be a list of tables: [[rates]].")
    return tuple(
        build(RateSettings, table, ("rates", str(number)), sources) for number, table in enumerate(tables)
    )
