import http.server
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from command import Command
from realtime_switch.store.migrate import shipped


def findings(command: Command, **environ: str) -> dict[str, list[tuple[str, str]]]:
    result = command("doctor", "--json", **{"PORT": "0", **environ})
    told = msgspec.json.decode(result.out)
    assert result.err == ""
    assert result.code == any(each["status"] == "fail" for each in told)
    checks: dict[str, list[tuple[str, str]]] = {}
    for each in told:
        assert set(each) == {"check", "status", "text", "remedy"}
        assert each["remedy"] or each["status"] == "ok" or "(" in each["text"]
        checks.setdefault(each["check"], []).append((each["status"], each["text"]))
    return checks


def worst(checks: dict[str, list[tuple[str, str]]], check: str) -> str:
    return max((status for status, _ in checks[check]), key=["ok", "warn", "fail"].index)


def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(command: Command):
    checks = findings(command)
    assert {check: worst(checks, check) for check in checks} == {
        "configuration": "ok",
        "routes": "warn",
        "data": "warn",
        "disk": "ok",
        "key": "warn",
        "database": "warn",
        "business": "warn",
        "port": "ok",
    }
    assert not command.data.exists()


def test_a_sound_installation_is_told_so(command: Command, account: str):
    checks = findings(command, OPENAI_API_KEY="sk-hush")
    assert checks["routes"] == [("ok", "gpt-live: gpt-live/*"), ("ok", "openai: openai/*")]
    assert checks["database"] == [
        ("ok", f"{command.data}/realtime-switch.db opens"),
        ("ok", "every page is whole"),
        ("ok", f"at migration {shipped('sqlite')[-1].number:04}, as this version knows it"),
        ("ok", "every balance follows from its entries and bills"),
    ]
    assert checks["key"] == [("ok", f"from {command.data}/db.key")]


def test_a_person_reads_a_line_a_finding_with_a_remedy(command: Command, account: str):
    command.data.chmod(0o755)
    lines = command("doctor").out.splitlines()
    assert any(
        line == f"warn  data           {command.data} can be entered by others -> chmod 700 {command.data}"
        for line in lines
    )


def test_bad_configuration_is_found(command: Command):
    command.data.mkdir()
    (command.data / "realtime-switch.toml").write_text("[gateway]\nprot = 1\n")
    checks = findings(command)
    assert worst(checks, "configuration") == "fail"
    assert "Did you mean port?" in checks["configuration"][0][1]


def test_a_route_without_its_key_is_found_and_the_rest_is_looked_at(command: Command, account: str):
    (command.data / "realtime-switch.toml").write_text('[routes.a]\ntargets = ["openai/m"]\n')
    checks = findings(command)
    assert checks["routes"][0][1].endswith("set OPENAI_API_KEY. (INTERNAL_ENV_KEY_NOT_FOUND)")
    assert worst(checks, "database") == "ok"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("no key", "INTERNAL_ENV_KEY_NOT_FOUND"),
        ("open key", "chmod 600"),
        ("wrong key", "INTERNAL_DATABASE_KEY_WRONG"),
        ("plain file", "INTERNAL_DATABASE_NOT_ENCRYPTED"),
        ("damage", "HMAC verification failed"),
        ("purse", "its purses hold plan 999"),
        ("newer", "migration 9999"),
    ],
)
def test_what_is_wrong_with_a_database_is_found(command: Command, account: str, harm: str, said: str):
    file, key = command.data / "realtime-switch.db", command.data / "db.key"
    match harm:
        case "no key":
            key.unlink()
        case "open key":
            key.chmod(0o644)
        case "wrong key":
            key.write_text("00" * 32)
        case "plain file":
            file.write_bytes(b"SQLite format 3\0" + bytes(4080))
        case "damage":
            content = bytearray(file.read_bytes())
            content[-2000] ^= 1
            file.write_bytes(content)
        case "purse":
            statement(command, "UPDATE accounts SET token_remaining = 999")
        case "newer":
            statement(command, "INSERT INTO schema_migrations VALUES (9999, 'later', 'x', 'executed', 1)")
    checks = findings(command)
    wrong = [text for told in checks.values() for status, text in told if status == "fail"]
    assert any(said in text for text in wrong), checks


def statement(command: Command, sql: str) -> None:
    command.database(lambda repos: repos.accounts._connection.exec_driver_sql(sql))


def test_waiting_migrations_are_found_and_not_run(command: Command):
    command("migrate", "up")
    command("migrate", "down")
    for _ in range(2):
        assert ("warn", "1 migrations wait") in findings(command)["database"]


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_gateway_at_the_port_is_told_from_another_program(command: Command):
    with http.server.HTTPServer(("127.0.0.1", 0), Healthy) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        told = findings(command, PORT=str(server.server_port))["port"]
        server.shutdown()
        thread.join()
    assert told == [("ok", f"a gateway answers at 127.0.0.1:{server.server_port}")]
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        told = findings(command, PORT=str(port))["port"]
    assert told == [("fail", f"another program listens at 127.0.0.1:{port}")]


def test_a_port_that_cannot_be_had_is_found(command: Command):
    assert worst(findings(command, HOST="192.0.2.1"), "port") == "fail"


def test_no_secret_is_in_a_report(command: Command, account: str, tmp_path: Path):
    key = (command.data / "db.key").read_text().strip()
    result = command("doctor", OPENAI_API_KEY="sk-hush", GEMINI_API_KEY="g-hush")
    assert not any(secret in result.out + result.err for secret in (key, "sk-hush", "g-hush"))
    url = "postgresql://u:hush@127.0.0.1:1/d"
    assert "hush" not in command("doctor", DATABASE_URL=url).out


def test_the_process_exits_with_1_when_something_is_wrong(environ: dict[str, str], tmp_path: Path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "realtime-switch.toml").write_text("nope = 1")
    done = subprocess.run(
        [sys.executable, "-m", "realtime_switch", "doctor"], env=environ, capture_output=True
    )
    assert (done.returncode, done.stderr) == (1, b"")
