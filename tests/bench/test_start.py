"""A gateway process loads what a relayed call needs, and nothing else: the less, the sooner it is ready."""

import asyncio
from pathlib import Path

import pytest

from realtime_switch.bench.load import Providers, Way
from realtime_switch.bench.mix import OPENAI
from realtime_switch.bench.systems import Installation, Place, System, cores, wait_for

pytestmark = pytest.mark.skipif(cores() is None, reason="the load needs a second core")

# The database; sound, which only calls with two rates need; clients; what tests and other commands need; of
# rich, whose import is tried and prevented (log.py), what it would load.
NOT_NEEDED = {
    "aiohttp",
    "attr",
    "espeakng_loader",
    "google",
    "httpx",
    "numpy",
    "openai",
    "opentelemetry",
    "pocketsphinx",
    "psycopg",
    "pydantic",
    "pygments",
    "soxr",
    "sqlalchemy",
    "sqlcipher3",
    "sqlite3",
    "trustme",
    "websockets",
}
NOT_NEEDED_OF_OURS = {"bench", "business", "gateway.openapi", "link.server", "local", "store"}
OF_THE_COMMAND = {"realtime_switch.cli", "realtime_switch.cli.main", "realtime_switch.cli.options"}


async def loaded_by_a_relayed_call(folder: Path) -> set[str]:
    """All modules that the gateway's process asked for, as the interpreter itself writes them down."""
    on = cores()
    assert on is not None
    providers = Providers()
    await providers.open()
    here = Installation(
        Place(folder, on, providers), "openai", to_provider=False, to_client=False, interpreted=False
    )
    business = here.business()
    here.environment["PYTHONPROFILEIMPORTTIME"] = "1"
    told = folder / "imports"
    gateway = here.gateway("sh", "-c", f'exec "$@" 2>{told}', "sh")
    try:
        await asyncio.to_thread(wait_for, here.port, gateway, "/readyz")
        url = f"ws://127.0.0.1:{here.port}/v1/realtime?model=default"
        caller = await Way(url, {"Authorization": f"Bearer {here.key}"}).call(OPENAI.appends[0])
        caller.talking = True
        caller.speak()
        async with asyncio.timeout(60):
            # A reply with its bill, and what has asked for it.
            while caller.messages < sum(len(burst) + 1 for burst in OPENAI.reply):
                await asyncio.sleep(0.01)
        caller.transport.disconnect(graceful=False)
    finally:
        System(Way(""), processes=[gateway, business]).stop()
        providers.close()
    lines = told.read_text().splitlines()
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


async def test_a_gateway_loads_nothing_that_a_relayed_call_does_not_need(tmp_path: Path):
    loaded = await loaded_by_a_relayed_call(tmp_path)
    assert "realtime_switch.gateway.conductor" in loaded
    assert {name for name in loaded if name.partition(".")[0] in NOT_NEEDED} == set()
    ours = {name.removeprefix("realtime_switch.") for name in loaded if name.startswith("realtime_switch.")}
    assert {
        name for name in ours if any(f"{name}.".startswith(f"{part}.") for part in NOT_NEEDED_OF_OURS)
    } == set()
    assert {f"realtime_switch.{name}" for name in ours if name.split(".")[0] == "cli"} == OF_THE_COMMAND
