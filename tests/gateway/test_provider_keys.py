"""A provider's key that a command prints, over real sockets and with real processes."""

import asyncio
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from websockets.asyncio.server import ServerConnection

from gateway_rig import Rig, rig, until
from realtime_switch.gateway import provider_keys
from realtime_switch.gateway.dial import DialError, DialTrouble
from realtime_switch.gateway.provider_keys import ProviderKeys
from realtime_switch.providers.endpoint import Endpoint, Provider


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def python(code: str) -> str:
    return shlex.join([sys.executable, "-S", "-c", code])


def counting(tmp_path: Path) -> str:
    """Prints another key each time: token-1, token-2, ..."""
    file = str(tmp_path / "runs")
    return python(
        f"f = open({file!r}, 'a+'); f.write('x'); f.flush(); f.seek(0); print(f'token-{{len(f.read())}}')"
    )


def endpoint(command: str, ttl_s: int = 300) -> Endpoint:
    provider = Provider(
        dialect="openai", url="ws://127.0.0.1:1/", key_command=command, key_command_ttl_s=ttl_s
    )
    return Endpoint(name="up", provider=provider)


async def test_what_it_printed_is_used_until_it_has_grown_old(tmp_path: Path) -> None:
    clock = Clock()
    keys, up = ProviderKeys(clock), endpoint(counting(tmp_path), 60)
    for now_s, token in ((0.0, "token-1"), (59.9, "token-1"), (60.0, "token-2")):
        clock.now_s = now_s
        key = await keys.key_of(up)
        assert key is not None
        assert key.reveal() == token


async def test_calls_that_come_together_share_one_run(tmp_path: Path) -> None:
    keys, up = ProviderKeys(Clock()), endpoint(counting(tmp_path))
    found = await asyncio.gather(*(keys.key_of(up) for _ in range(5)))
    assert {key.reveal() for key in found if key is not None} == {"token-1"}


async def test_without_a_command_the_endpoint_knows() -> None:
    up = Endpoint(name="up", provider=Provider(dialect="openai", url="ws://127.0.0.1:1/"))
    assert await ProviderKeys(Clock()).key_of(up) is None


@pytest.mark.parametrize(
    ("command", "trouble", "message"),
    [
        (python("print('sk-hush'); raise SystemExit(3)"), DialTrouble.KEY, "ended with status 3"),
        ("/no/such/command", DialTrouble.KEY, "cannot be run: No such file or directory"),
        (python("print()"), DialTrouble.KEY, "did not print a key"),
        (python("print('sk-hush\\nsk-hush')"), DialTrouble.KEY, "did not print a key"),
        (python("print('\\u20ac')"), DialTrouble.KEY, "did not print a key"),
        (python("import time; time.sleep(60)"), DialTrouble.TIMEOUT, "took longer than 0.5 seconds"),
    ],
)
async def test_what_goes_wrong_is_named_without_a_word_of_what_was_printed(
    monkeypatch: pytest.MonkeyPatch, command: str, trouble: DialTrouble, message: str
) -> None:
    monkeypatch.setattr(provider_keys, "COMMAND_S", 0.5 if trouble is DialTrouble.TIMEOUT else 10.0)
    with pytest.raises(DialError) as raised:
        await ProviderKeys(Clock()).key_of(endpoint(command))
    assert (raised.value.trouble, raised.value.message) == (trouble, f"the key command of up {message}")
    assert raised.value.hopeless is (trouble is DialTrouble.KEY)


async def test_a_run_that_is_given_up_leaves_no_process_and_hinders_nobody(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    slow = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    keys, up = ProviderKeys(Clock()), endpoint(python(slow))
    asking = asyncio.create_task(keys.key_of(up))
    await until(lambda: pid_file.exists() and bool(pid_file.read_text()))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not Path(f"/proc/{pid_file.read_text()}").exists()
    assert await keys.key_of(endpoint(python("print('fresh')"))) is not None


async def called(here: Rig) -> Any:
    client, line = await here.call()
    await client.close()
    return line.headers["authorization"]


async def test_calls_are_dialled_with_it(tmp_path: Path) -> None:
    async with rig(provider_key={"key_command": counting(tmp_path)}) as here:
        assert [await called(here) for _ in range(2)] == ["Bearer token-1"] * 2


def unauthorised(socket: ServerConnection) -> Any:
    return socket.respond(401, "no")


async def test_a_provider_that_takes_it_no_more_gets_a_new_one_at_once(tmp_path: Path) -> None:
    async with rig(provider_key={"key_command": counting(tmp_path)}) as here:
        assert await called(here) == "Bearer token-1"
        here.upstream.refuses_with.append(unauthorised)
        assert await called(here) == "Bearer token-2"
        assert here.upstream.dials == 3
        here.upstream.refuses_with += [unauthorised, unauthorised]
        client = await here.connect()
        await asyncio.wait_for(client.wait_closed(), 5)
        assert (client.close_code, here.upstream.dials) == (1011, 5), "once more and not for ever"


async def test_a_command_that_fails_ends_the_call_by_name_and_stays_quiet_about_the_key() -> None:
    with structlog.testing.capture_logs() as logs:
        async with rig(provider_key={"key_command": python("print('sk-hush'); raise SystemExit(1)")}) as here:
            client = await here.connect()
            await asyncio.wait_for(client.wait_closed(), 10)
            assert client.close_code == 1011
    assert "the key command of up ended with status 1" in str(logs)
    assert "sk-hush" not in str(logs)
