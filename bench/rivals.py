"""What Realtime Switch is measured against and needs more than a public program: relays in one file each, LiteLLM's
proxy, and all the ways that Realtime Switch itself can be set up."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec

from realtime_switch.bench.load import Way
from realtime_switch.bench.mix import OPENAI_AS_SPELT
from realtime_switch.bench.systems import (
    Candidate,
    Place,
    System,
    free_port,
    haproxy,
    program,
    public,
    realtime_switch,
    wait_for,
)


def certificate(folder: Path) -> tuple[Path, Path, Path] | None:
    """For 127.0.0.1, made by openssl: certificate, key, and both in one file. None where there is no openssl."""
    if shutil.which("openssl") is None:
        return None
    cert, key, both = folder / "cert.pem", folder / "key.pem", folder / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-days", "2", "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    return cert, key, both


def script(place: Place, file: str, *words: str, tls: bool = False, python: str = sys.executable) -> System:
    """A relay in one file of this folder. `tls`: towards the provider. `python`: who runs it."""
    port, environment = free_port(), dict(os.environ)
    target = f"ws://127.0.0.1:{place.providers.openai}/v1/realtime?model=bench"
    if tls:
        assert place.certificate is not None
        environment["SSL_CERT_FILE"] = str(place.certificate[0])
        target = f"wss://127.0.0.1:{place.providers.openai_tls}/v1/realtime?model=bench"
    command = [python, str(Path(__file__).with_name(file)), str(port), target, *words]
    process = place.run(command, environment)
    wait_for(port, process)
    return System(Way(f"ws://127.0.0.1:{port}/"), process.pid, processes=[process])


def litellm(place: Place, command: str) -> System:
    """Its cheapest mode: no database, no callbacks, one worker; a master key, which it wants."""
    port, folder = free_port(), place.new_folder("litellm")
    config = folder / "config.yaml"
    # JSON is YAML.
    config.write_bytes(
        msgspec.json.encode(
            {
                "model_list": [
                    {
                        "model_name": "bench",
                        "litellm_params": {
                            "model": "openai/bench",
                            "api_base": f"http://127.0.0.1:{place.providers.openai}",
                            "api_key": "sk-bench",
                        },
                    }
                ],
            }
        )
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    # Its table of prices is fetched from the net otherwise.
    environment |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    # It does not start without a master key.
    environment |= {"LITELLM_MASTER_KEY": "sk-bench-0123456789abcdefghijklmnopqrstuv"}
    words = [
        command,
        "--config",
        str(config),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--num_workers",
        "1",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            words,
            env=environment,
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=lambda: os.sched_setaffinity(0, {place.cores.system}),
        )
    wait_for(port, process, "/health/liveliness")
    way = Way(
        f"ws://127.0.0.1:{port}/v1/realtime?model=bench",
        {"Authorization": f"Bearer {environment['LITELLM_MASTER_KEY']}"},
    )
    return System(way, process.pid, processes=[process])


def candidates(place: Place, litellm_command: str | None) -> Iterator[Candidate]:
    """All that can be measured here; the first is the direct way."""
    ours = partial(realtime_switch, place)
    tls = place.certificate is not None
    for candidate in public(place):
        if candidate.name == "realtime-switch":
            yield Candidate("bare picows relay", lambda: script(place, "bare_relay.py"))
        yield candidate
    if tls and program("haproxy"):
        yield Candidate("haproxy, TLS to its server", lambda: haproxy(place, to_server=True))
        yield Candidate("haproxy, TLS to its clients", lambda: haproxy(place, to_client=True))
    if tls:
        yield Candidate("realtime-switch, TLS to the provider", partial(ours, to_provider=True))
        yield Candidate("realtime-switch, TLS to its clients", partial(ours, to_client=True))
        yield Candidate(
            "bare picows relay, TLS by aiofastnet", lambda: script(place, "bare_relay.py", tls=True)
        )
        yield Candidate(
            "bare picows relay, TLS by the loop", lambda: script(place, "bare_relay.py", "loop", tls=True)
        )
    yield Candidate("realtime-switch, as SDKs spell it", lambda: _as_spelt(ours()))
    yield Candidate("realtime-switch, interpreted", partial(ours, interpreted=True))
    yield Candidate("realtime-switch, Gemini relayed", partial(ours, provider="gemini", client="gemini"))
    yield Candidate(
        "realtime-switch, GPT-Live relayed", partial(ours, provider="gpt-live", client="gpt-live")
    )
    yield Candidate("realtime-switch, OpenAI client on Gemini", partial(ours, provider="gemini"))
    yield Candidate("realtime-switch, Gemini client on OpenAI", partial(ours, client="gemini"))
    yield Candidate("websockets relay", lambda: script(place, "websockets_relay.py"))
    if python := _python_with_aiohttp(litellm_command):
        yield Candidate("aiohttp relay", lambda: script(place, "aiohttp_relay.py", python=python))
    if litellm_command:
        yield Candidate("litellm", lambda: litellm(place, litellm_command))


def _python_with_aiohttp(litellm_command: str | None) -> str | None:
    """Ours has no use for it; LiteLLM brings it along."""
    if importlib.util.find_spec("aiohttp"):
        return sys.executable
    beside = Path(litellm_command or "litellm").with_name("python")
    if litellm_command is None or not beside.exists():
        return None
    asked = subprocess.run([beside, "-c", "import aiohttp, uvloop"], capture_output=True)
    return str(beside) if asked.returncode == 0 else None


def _as_spelt(system: System) -> System:
    system.way = msgspec.structs.replace(system.way, mix=OPENAI_AS_SPELT)
    return system
