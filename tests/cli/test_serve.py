"""`serve` as a newcomer meets it: one command, and a call is possible. Real processes, a real port."""

import os
import re
import signal
import socket
from pathlib import Path

import httpx
import msgspec

from certificate import make_certificate
from served import Served, command, free_port, served


def link(running: Served) -> dict[str, object]:
    """What the page does with the link that was printed."""
    code = running.wait_for(rf"http://127\.0\.0\.1:{running.port}/#once_\S+").partition("#")[2]
    return {"headers": {"authorization": f"Bearer {code}"}, "json": {"opens": "account"}}


def test_one_command_and_a_call_is_answered_billed_and_remembered(tmp_path):
    data = tmp_path / "data"
    with served(data, tmp_path / "first") as running:
        running.wait_for("is ready")
        key = running.wait_for("rslive_v1_[0-9a-f]{48}")
        let_in = httpx.post(f"http://127.0.0.1:{running.port}/v1/realtime/client_secrets", **link(running))
        again = httpx.post(f"http://127.0.0.1:{running.port}/v1/realtime/client_secrets", **link(running))
        assert (let_in.status_code, again.status_code) == (200, 401)
        first_link = link(running)
        first = running.talk(key, "--text", "my name is Ada")
        usage = command("usage", "--data", str(data), "--json")
        assert running.stop() == 0

    assert first["turns"][0]["agent"] == "Nice to meet you, Ada!"
    assert first["turns"][0]["audio_ms"] > 0
    billed = msgspec.json.decode(usage.stdout)
    assert (billed["responses"], billed["total_tokens"]) == (1, first["total_tokens"])
    accounts = msgspec.json.decode(command("account", "list", "--data", str(data), "--json").stdout)
    assert [one["credits"] for one in accounts] == [500_000 - first["total_tokens"]]
    assert (data / "db.key").stat().st_mode & 0o777 == 0o600

    with served(data, tmp_path / "second") as running:
        running.wait_for("is ready")
        assert link(running) != first_link
        again = running.talk(key, "--session", first["session_id"], "--text", "what is my name?")
        said = running.said
        assert running.stop() == 0

    assert again["turns"][0]["agent"] == "Your name is Ada."
    assert again["credits"] == 500_000 - first["total_tokens"] - again["total_tokens"]
    assert key not in said
    assert "API key" not in said  # only the first start makes one


def test_a_gateway_that_is_killed_is_started_again(tmp_path):
    with served(tmp_path / "data", tmp_path / "out") as running:
        running.wait_for("is ready")
        key = running.wait_for("rslive_v1_[0-9a-f]{48}")
        os.kill(child(running, "gateway"), signal.SIGKILL)
        running.wait_for("program died")
        running.wait_for(r'(?s)"part":"gateway","event":"ready".*"part":"gateway","event":"ready"')
        assert running.talk(key, "--text", "hello")["turns"][0]["status"] == "completed"
        assert running.stop() == 0


def child(running: Served, word: str) -> int:
    """The process that a process list shows by this word."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            parent = re.search(r"PPid:\t(\d+)", status.read_text())
            words = status.with_name("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked
        if parent and int(parent[1]) == running.process.pid and word.encode() in words:
            return int(status.parent.name)
    raise AssertionError(f"serve has no child {word!r}")


def test_a_second_one_on_the_same_data_is_told_so(tmp_path):
    with served(tmp_path / "data", tmp_path / "out") as running:
        running.wait_for("is ready")
        second = command("serve", "--data", str(tmp_path / "data"), "--port", str(free_port()))
        assert running.stop() == 0
    assert (second.returncode, second.stdout) == (1, "")
    assert second.stderr.startswith("Error: Another `realtime-switch serve` runs on")
    assert second.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = command("serve", "--data", str(tmp_path / "data"), "--port", str(port))
    assert (done.returncode, done.stdout) == (1, "")
    said = f"Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --host or --port."
    assert said in done.stderr


def test_a_route_without_its_key_stops_the_start(tmp_path):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    (data / "realtime-switch.toml").write_text('[routes.default]\ntargets = ["openai/gpt-realtime"]\n')
    done = command("serve", "--data", str(data), "--port", str(free_port()))
    assert (done.returncode, done.stdout) == (1, "")
    assert "OPENAI_API_KEY" in done.stderr
    assert "INTERNAL_ENV_KEY_NOT_FOUND" in done.stderr


def test_with_a_certificate_everything_is_over_tls(tmp_path: Path):
    """It finds itself ready over TLS, says so, and is talked to by who trusts the certificate."""
    cert, key = make_certificate(tmp_path)
    with served(
        tmp_path / "data", tmp_path / "out", "--tls-cert", str(cert), "--tls-key", str(key)
    ) as gateway:
        assert gateway.wait_for(r"address .*").endswith(f"wss://127.0.0.1:{gateway.port}/v1/realtime")
        assert "is ready." in gateway.said
        done = command(
            *("talk", "--url", f"wss://127.0.0.1:{gateway.port}", "--text", "Hello"),
            RTS_API_KEY=gateway.wait_for(r"rslive_v1_[0-9a-f]{48}"),
            SSL_CERT_FILE=str(cert),
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr + gateway.said
        assert gateway.stop() == 0


def test_a_certificate_that_is_not_there_is_said_at_once(tmp_path: Path):
    data = tmp_path / "data"
    done = command("serve", "--data", str(data), "--port", "0", "--tls-cert", str(tmp_path / "no.pem"))
    assert done.returncode == 1
    assert f"TLS cannot be spoken with {tmp_path / 'no.pem'}: No such file or directory." in done.stderr
