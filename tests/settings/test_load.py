from pathlib import Path

import pytest

from realtime_switch.accounts.errors import ConfigurationError, ErrorCode
from realtime_switch.dialects.profile import Profile
from realtime_switch.providers.endpoint import Capabilities
from realtime_switch.providers.routes import Route, Routes, Target, Unknown
from realtime_switch.secret import Secret
from realtime_switch.settings import Flags, Settings, load
from realtime_switch.settings.load import ENVIRONMENT
from realtime_switch.settings.shape import DatabaseSettings, GatewaySettings, LimitSettings, RateSettings


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def configured(data: Path, text: str, **environ: str) -> Settings:
    data.mkdir(exist_ok=True)
    (data / "realtime-switch.toml").write_text(text)
    return load(Flags(data=data), environ)


def complaint(data: Path, text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        configured(data, text, **environ)
    return raised.value.message.replace(f"{data / 'realtime-switch.toml'}", "FILE")


# -- Where things are --------------------------------------------------------------------------------------


def test_with_nothing_said_everything_lies_in_the_data_directory(data: Path):
    settings = load(Flags(data=data), {})
    assert settings.data == data
    assert settings.file is None
    assert settings.database == DatabaseSettings(
        path=str(data / "realtime-switch.db"), key_file=str(data / "db.key")
    )
    assert settings.link_address == f"ipc://{data}/run/business.sock"
    assert settings.gateway == GatewaySettings()
    assert not data.exists()  # reading settings makes nothing


def test_the_data_directory_is_where_users_expect_it(tmp_path: Path):
    assert load(environ={"XDG_DATA_HOME": str(tmp_path)}).data == tmp_path / "realtime-switch"
    assert load(environ={}).data == Path.home() / ".local/share/realtime-switch"
    assert load(environ={"XDG_DATA_HOME": "relative"}).data == Path.home() / ".local/share/realtime-switch"
    assert load(environ={"RTS_DATA": str(tmp_path / "d")}).data == tmp_path / "d"
    assert load(Flags(data=tmp_path), {"RTS_DATA": "/elsewhere"}).data == tmp_path


def test_a_configuration_file_may_be_named_by_flag_or_environment(tmp_path: Path, data: Path):
    (tmp_path / "a.toml").write_text("[gateway]\nport = 1\n")
    (tmp_path / "b.toml").write_text("[gateway]\nport = 2\n")
    named = {"RTS_CONFIG": str(tmp_path / "a.toml")}
    assert load(Flags(data=data), named).gateway.port == 1
    assert load(Flags(data=data, config=tmp_path / "b.toml"), named).gateway.port == 2


def test_a_named_file_that_is_not_there_is_an_error(data: Path):
    with pytest.raises(ConfigurationError, match=r"/no\.toml cannot be read: No such file"):
        load(Flags(data=data, config=data / "no.toml"), {})


def test_a_path_in_the_file_is_relative_to_the_file(data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(data.parent)
    settings = configured(data, '[database]\npath = "my.db"\nkey_file = "/k"\n[link]\nsocket_path = "s"\n')
    assert settings.database_path == data / "my.db"
    assert settings.key_file == Path("/k")
    assert settings.link_address == f"ipc://{data}/s"
    assert configured(data, "", DB_PATH="my.db").database_path == data.parent / "my.db"


# -- Who wins ----------------------------------------------------------------------------------------------


def test_flags_win_over_environment_over_file_over_defaults(data: Path):
    text = '[gateway]\nhost = "file"\nport = 1\nidle_s = 7\n'
    configured(data, text)
    settings = load(Flags(data=data, port=3), {"PORT": "2", "HOST": "environment"})
    assert settings.gateway == GatewaySettings(host="environment", port=3, idle_s=7)


def test_every_name_in_use_is_understood(data: Path):
    settings = load(
        Flags(data=data),
        {
            "OPENAI_API_KEY": "sk-1",
            "GEMINI_API_KEY": "g-1",
            "DB_PATH": "/x.db",
            "DB_ENCRYPTION_KEY": "00ff",
            "DATABASE_URL": "postgresql://u:hush@h/d",
            "ZMQ_SOCKET_PATH": "/tmp/x.sock",
            "ZMQ_TIMEOUT_MS": "77",
            "HOST": "::1",
            "PORT": "0",
            "TLS_CERT": "/c.pem",
            "TLS_KEY": "/k.pem",
            "MAX_PAYLOAD_LENGTH": "1000",
            "IDLE_TIMEOUT": "9",
            "LOG_LEVEL": "debug",
            "LOG_FORMAT": "json",
        },
    )
    assert settings.endpoints["openai"].key == Secret("sk-1")
    assert settings.endpoints["gemini"].key == Secret("g-1")
    assert settings.database_path == Path("/x.db")
    assert settings.database_key == Secret("00ff")
    assert settings.database.url == Secret("postgresql://u:hush@h/d")
    assert (settings.link_address, settings.link.timeout_ms) == ("ipc:///tmp/x.sock", 77)
    assert settings.gateway == GatewaySettings(
        host="::1", port=0, message_bytes_max=1000, idle_s=9, tls_cert="/c.pem", tls_key="/k.pem"
    )
    assert (settings.log.level, settings.log.format) == ("debug", "json")
    assert not any(secret in repr(settings) for secret in ("sk-1", "g-1", "00ff", "hush"))


def test_a_variable_that_is_empty_is_not_set(data: Path):
    assert configured(data, "", PORT="", OPENAI_API_KEY=" ").gateway.port == 8080
    assert configured(data, "", OPENAI_API_KEY="").endpoints["openai"].key is None


# -- What is refused, and how ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gatway]\n", "FILE, line 1: gatway is not a section. Did you mean gateway?"),
        ("\n[gateway]\nprot = 1\n", "FILE, line 3: gateway.prot is not a setting. Did you mean port?"),
        (
            "[link]\nzzz = 1\n",
            "FILE, line 2: link.zzz is not a setting. Known here: business, socket_path, timeout_ms.",
        ),
        (
            '[gateway]\nport = "80"\n',
            "FILE, line 2: gateway.port must be a whole number from 0 to 65535.",
        ),
        ("gateway = 1\n", "FILE, line 1: gateway must be a table."),
        (
            "[gateway\n",
            "FILE is not TOML: Expected ']' at the end of a table declaration (at line 1, column 9).",
        ),
        (
            '[log]\nlevel = "loud"\n',
            "FILE, line 2: log.level must be one of: debug, error, info, warning.",
        ),
        ("[providers.x]\nurl = 'wss://x'\n", "FILE, line 1: providers.x needs dialect."),
        (
            "[providers.x]\ndialect = 'openai'\nurl = 'https://x?key=hush'\n",
            "FILE, line 3: providers.x.url must be an address like wss://host/path.",
        ),
        (
            "[providers.openai.capabilities]\nspelling = 'gamma'\n",
            "FILE, line 2: providers.openai.capabilities.spelling must be one of: beta, ga.",
        ),
        (
            "[providers.openai]\nkey_env = 'A'\nkey_file = 'b'\n",
            "FILE, line 3: providers.openai.key_file stands beside key_env. Keep one of the two.",
        ),
        (
            "[providers.openai]\nheaders = {a = 1}\n",
            "FILE, line 2: providers.openai.headers must be a table, each value text.",
        ),
        ("[routes.a]\n", 'FILE, line 1: routes.a needs targets, such as targets = ["openai/gpt-realtime"].'),
        (
            "[routes.a]\ntargets = ['gpt']\n",
            'FILE, line 2: routes.a.targets must be written "provider/model".',
        ),
        (
            "[routes.a]\ntargets = ['opnai/gpt']\n",
            "FILE, line 2: routes.a.targets name a provider that is not there. Did you mean openai?",
        ),
        (
            "[routes.a]\ntargets = ['openai/gpt']\nalias = ['b']\n",
            "FILE, line 3: routes.a.alias is not a setting. Did you mean aliases?",
        ),
        (
            "[routes.a]\ntargets = ['openai/gpt']\ntranscribe_input = 'always'\n",
            "FILE, line 1: routes.a needs transcribe_with, the model that writes down what users say.",
        ),
        (
            "[[rates]]\nmatch = '*'\n[[rates]]\nmatch = '*'\ninput_text = 0.25\n",
            'FILE, line 5: rates.1.input_text must be a decimal number in quotes, like "0.25"'
            " or a whole number.",
        ),
        ("[[rates]]\n", "FILE, line 1: rates.0 needs match."),
        ("[rates]\n", "FILE, line 1: rates must be a list of tables: [[rates]]."),
        (
            "[database]\nurl = 'mysql://u:hush@h/d'\n",
            "FILE, line 2: database.url must begin with postgresql://.",
        ),
        ("[gateway]\ntls_key = 'k'\n", "FILE, line 2: gateway.tls_key stands alone. Set tls_cert, too."),
        (
            "[providers.gemini.profiles.'gemini-3.1*']\n[providers.gemini.profiles.\"a.b\"]\ntols = ''\n",
            "FILE, line 3: providers.gemini.profiles.a.b.tols is not a setting. Did you mean tools?",
        ),
        (
            "[providers.gemini.profiles]\n'gemini-3.1*' = { content = 'never' }\n",
            "FILE, line 2: providers.gemini.profiles.gemini-3.1*.content must be one of: always, seed_only.",
        ),
        (
            "[providers.gemini]\nprofiles = 1\n",
            "FILE, line 2: providers.gemini.profiles must be a table.",
        ),
        (
            "[routes.a]\ntargets = ['openai/gpt']\n[routes.a.voices]\nKore = 1\n",
            "FILE, line 3: routes.a.voices must be a table, each value text.",
        ),
    ],
)
def test_a_mistake_in_the_file_is_told_with_place_key_and_remedy(data: Path, text: str, said: str):
    assert complaint(data, text) == said


def test_a_mistake_in_the_environment_names_the_variable_and_not_its_value(data: Path):
    assert complaint(data, "", PORT="sk-hush") == "PORT must be a whole number from 0 to 65535."
    assert complaint(data, "", DATABASE_URL="sk-hush") == "DATABASE_URL must begin with postgresql://."


# -- Providers and routes ----------------------------------------------------------------------------------


def test_a_built_in_provider_needs_only_what_differs(data: Path):
    settings = configured(
        data,
        '[providers.gemini]\nurl = "ws://127.0.0.1:9/x"\ncapabilities = {output_rate_hz = 8000}\n',
        GEMINI_API_KEY="g",
    )
    gemini = settings.endpoints["gemini"]
    assert (gemini.provider.url, gemini.dialect, gemini.key) == ("ws://127.0.0.1:9/x", "gemini", Secret("g"))
    assert (gemini.capabilities.input_rate_hz, gemini.capabilities.output_rate_hz) == (24_000, 8_000)


def test_models_of_the_gemini_dialect_have_profiles_whoever_serves_them(data: Path):
    settings = configured(
        data,
        """
        [providers.vertex]
        dialect = "gemini"
        url = "wss://v/ws/x"
        [providers.vertex.profiles."gemini-3.1*"]
        language = true
        [providers.vertex.profiles."gemini-2.9*"]
        text = true
        """,
    )
    vertex, gemini = settings.endpoints["vertex"], settings.endpoints["gemini"]
    assert gemini.profile("gemini-3.1-flash-live-preview") == Profile(
        content="seed_only", tools="", context_update=False, thinking_level=True
    )
    assert gemini.profile("gemini-3.8-live-extended-thinking") == Profile(
        tools="NON_BLOCKING", thinking_level=True
    )
    assert gemini.profile("gemini-3.8-live") == Profile()
    assert vertex.profile("gemini-2.5-flash") == Profile(tools="", context_update=False)
    assert vertex.profile("gemini-2.9-flash") == Profile(text=True)
    assert vertex.profile("gemini-3.1-flash") == Profile(language=True)
    assert settings.endpoints["openai"].provider.profiles == {}
    assert (
        vertex.capabilities
        == gemini.capabilities
        == Capabilities(connection_s_max=590, free_transcription=True)
    )


def test_a_route_may_name_voices_and_be_strict(data: Path):
    settings = configured(
        data,
        """
        [routes.a]
        targets = ["gemini/gemini-3.8-live"]
        translation = "strict"
        voices = { alloy = "Puck" }
        """,
    )
    assert settings.routes == (
        Route(
            name="a",
            targets=(Target("gemini", "gemini-3.8-live"),),
            translation="strict",
            voices={"alloy": "Puck"},
        ),
    )


def test_files_for_tls_are_found_beside_the_file_that_names_them(data: Path):
    gateway = configured(data, '[gateway]\ntls_cert = "c.pem"\ntls_key = "/k.pem"\n').gateway
    assert (gateway.tls_cert, gateway.tls_key) == (str(data / "c.pem"), "/k.pem")
    flagged = load(Flags(data=data, tls_cert="other.pem"), {}).gateway
    assert (flagged.tls_cert, flagged.tls_key) == (str(Path.cwd() / "other.pem"), "/k.pem")
    assert configured(data, "").gateway.tls_cert == ""


def test_a_key_file_takes_the_place_of_the_usual_variable(data: Path):
    settings = configured(data, '[providers.openai]\nkey_file = "token"\n', OPENAI_API_KEY="other")
    (data / "token").write_text("fresh")
    assert settings.endpoints["openai"].dial("").headers == {"Authorization": "Bearer fresh"}


def test_routes_are_read_in_the_order_of_the_file(data: Path):
    settings = configured(
        data,
        """
        [routes.default]
        targets = ["openai/gpt-realtime", "local/echo"]
        on_drop = "same"
        stall_after_s = 4
        switch_above_latency_ms = 500
        translation = "strict"
        [routes.b]
        targets = ["openai/*"]
        aliases = ["gpt-*"]
        """,
    )
    assert settings.routes == (
        Route(
            name="default",
            targets=(Target("openai", "gpt-realtime"), Target("local", "echo")),
            on_drop="same",
            stall_after_s=4,
            switch_above_latency_ms=500,
            translation="strict",
        ),
        Route(name="b", targets=(Target("openai", "*"),), aliases=("gpt-*",)),
    )


def test_a_route_to_a_provider_without_its_key_fails_naming_the_variable(data: Path):
    settings = configured(data, '[routes.a]\ntargets = ["openai/m"]\n')
    with pytest.raises(ConfigurationError) as raised:
        settings.build_routes()
    assert raised.value.code == ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND
    assert raised.value.message == (
        "The route 'a' leads to the provider 'openai', whose key is not there: set OPENAI_API_KEY."
    )


def test_a_route_is_named_by_its_table_alone(data: Path):
    said = complaint(data, "[routes.a]\ntargets = ['openai/gpt']\nname = 'b'\n")
    assert said.startswith("FILE, line 3: routes.a.name is not a setting.")


def test_the_local_provider_is_told_where_it_listens_at_run_time(data: Path):
    settings = configured(data, "")
    assert settings.needs_local
    with pytest.raises(ConfigurationError, match="local provider, which is not running here"):
        settings.build_routes()
    routes = settings.build_routes("ws://127.0.0.1:7/v1/realtime")
    assert isinstance(chosen := routes.choose("anything"), Route)
    assert routes.endpoint(chosen.targets[0]).dial("anything").url == (
        "ws://127.0.0.1:7/v1/realtime?model=anything"
    )


def test_one_address_of_the_local_provider_is_enough_for_both_its_dialects(data: Path):
    path = "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
    running = configured(data, "").build_routes("ws://127.0.0.1:7/v1/realtime")
    assert running.endpoints["local-gemini"].provider.url == f"ws://127.0.0.1:7{path}"
    own = configured(data, '[providers.local]\nurl = "wss://h:1/v1/realtime?a=1"\n')
    assert not own.needs_local
    assert own.build_routes("ws://ignored/").endpoints["local-gemini"].provider.url == f"wss://h:1{path}"
    both = configured(data, '[providers.local-gemini]\nurl = "ws://g/"\n')
    assert both.needs_local
    assert both.build_routes("ws://127.0.0.1:7/").endpoints["local-gemini"].provider.url == "ws://g/"


def test_a_route_to_the_local_provider_in_either_dialect_needs_it(data: Path):
    assert configured(data, '[routes.a]\ntargets = ["local-gemini/m"]\n').needs_local
    assert not configured(data, '[routes.a]\ntargets = ["openai/m"]\n').needs_local


def test_a_local_provider_of_ones_own_is_not_run_for_one(data: Path):
    settings = configured(data, '[providers.local]\nurl = "ws://h:1/"\n')
    assert not settings.needs_local
    assert settings.build_routes("ws://ignored/").endpoints["local"].provider.url == "ws://h:1/"


def test_a_file_without_routes_keeps_the_usual_ones_and_one_with_routes_refuses_the_rest(data: Path):
    usual = configured(data, "[gateway]\nport = 1\n", OPENAI_API_KEY="k").build_routes()
    assert isinstance(usual.choose("gpt-realtime"), Route)
    own = configured(data, '[routes.a]\ntargets = ["openai/m"]\n', OPENAI_API_KEY="k").build_routes()
    assert own.choose("gpt-realtime") == Unknown(
        "There is no route for the model 'gpt-realtime'. Routes here: a."
    )
    assert isinstance(own, Routes)


def test_rates_keep_the_order_of_the_file(data: Path):
    text = '[[rates]]\nmatch = "a/*"\ninput_text = "0.25"\n[[rates]]\nmatch = "*"\nfee = 3\n'
    assert configured(data, text).rates == (
        RateSettings(match="a/*", input_text="0.25"),
        RateSettings(match="*", fee=3),
    )


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "DB_ENCRYPTION_KEY", "DATABASE_URL", "OTHER"])
def test_a_secret_may_lie_in_a_file_that_a_variable_names(data: Path, name: str):
    def held(settings: Settings) -> Secret | None:
        return {
            "OPENAI_API_KEY": settings.endpoints["openai"].key,
            "DB_ENCRYPTION_KEY": settings.database_key,
            "DATABASE_URL": settings.database.url,
            "OTHER": settings.summary_key,
        }[name]

    file = data / "secret"
    data.mkdir(exist_ok=True)
    own = '[summary]\nkey_env = "OTHER"\n'
    file.write_text("postgresql://hush\n")
    assert held(configured(data, own, **{f"{name}_FILE": str(file)})) == Secret("postgresql://hush")

    def refused(**environ: str) -> str:
        with pytest.raises(ConfigurationError) as raised:
            configured(data, own, **environ)
        return raised.value.message

    both = refused(**{f"{name}_FILE": str(file), name: "postgresql://hush"})
    assert both == f"{name} and {name}_FILE are both set. Keep one of the two."
    why = f"The file {file} that {name}_FILE names cannot be used: "
    file.write_text("\n")
    assert refused(**{f"{name}_FILE": str(file)}) == f"{why}it is empty."
    file.write_bytes(b"\xff")
    assert refused(**{f"{name}_FILE": str(file)}) == f"{why}it is not text."
    file.unlink()
    assert refused(**{f"{name}_FILE": str(file)}) == f"{why}No such file or directory."


def test_things_are_kept_for_ever_unless_days_are_named(data: Path):
    kept = configured(data, "").retention
    assert (kept.transcripts_days, kept.usage_days) == (None, None)
    kept = configured(data, "[retention]\ntranscripts_days = 30\n").retention
    assert (kept.transcripts_days, kept.usage_days) == (30, None)
    with pytest.raises(ConfigurationError):
        configured(data, "[retention]\nusage_days = 0\n")


def test_a_summary_uses_the_key_of_its_dialect_unless_told_another(data: Path):
    keys = {"OPENAI_API_KEY": "o", "GEMINI_API_KEY": "g", "OTHER": "x"}
    assert configured(data, "", **keys).summary_key == Secret("o")
    assert configured(data, '[summary]\ndialect = "gemini"\n', **keys).summary_key == Secret("g")
    assert configured(data, '[summary]\nkey_env = "OTHER"\n', **keys).summary_key == Secret("x")


def test_a_providers_key_is_not_sent_to_an_address_of_ones_own(data: Path):
    own = '[summary]\nurl = "http://127.0.0.1:8000/v1"\n'
    assert configured(data, own, OPENAI_API_KEY="o").summary_key is None


def test_every_variable_sets_something_that_exists():
    settings = load(environ={})
    for section, name in ENVIRONMENT.values():
        assert hasattr(getattr(settings, section), name)


def test_a_key_command_takes_the_place_of_the_usual_variable(data: Path):
    text = "[providers.openai]\nkey_command = \"print-token --for 'my project'\"\nkey_command_ttl_s = 60\n"
    endpoint = configured(data, text, OPENAI_API_KEY="other").endpoints["openai"]
    assert (endpoint.key, endpoint.lacks_key) == (None, False)
    assert (endpoint.provider.key_command_ttl_s, endpoint.provider.key_env) == (60, "")
    assert endpoint.dial("m", Secret("printed")).headers == {"Authorization": "Bearer printed"}


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('key_env = "K"', "stands beside key_env"),
        ('key_file = "k"', "stands beside key_file"),
    ],
)
def test_a_key_comes_from_one_place(data: Path, line: str, complaint: str):
    text = f'[providers.p]\ndialect = "openai"\nurl = "wss://h/"\nkey_command = "print-token"\n{line}\n'
    with pytest.raises(ConfigurationError, match=complaint):
        configured(data, text)


@pytest.mark.parametrize("command", ["print 'token", " "])
def test_a_key_command_must_be_one(data: Path, command: str):
    with pytest.raises(ConfigurationError, match="key_command is no command"):
        configured(data, f'[providers.openai]\nkey_command = "{command}"\n')


def test_a_proxy_that_is_no_address_is_refused(tmp_path: Path):
    (tmp_path / "c.toml").write_text('[limits]\ntrusted_proxies = ["10.0.0.0/8", "::1"]\n')
    environ = {"RTS_CONFIG": str(tmp_path / "c.toml")}
    assert load(environ=environ).limits == LimitSettings(trusted_proxies=("10.0.0.0/8", "::1"))
    (tmp_path / "c.toml").write_text('[limits]\ntrusted_proxies = ["my-proxy"]\n')
    with pytest.raises(ConfigurationError, match=r"line 2: limits\.trusted_proxies must be addresses"):
        load(environ=environ)
