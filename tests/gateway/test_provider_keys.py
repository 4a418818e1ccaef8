"""A provider's key that a command prints, over real sockets and with real processes."""

import asyncio
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog.testing
from websockets.asyncio.server import ServerConnection

from gateway_rig import CREATED, Rig, hear, rig, until
from realtime_switch.gateway import provider_keys
from realtime_switch.gateway.dial import DialError, DialTrouble
from realtime_switch.gateway.provider_keys import ProviderKeys
from realtime_switch.providers.endpoint import Endpoint, Provider
from realtime_switch.providers.routes import Target
from realtime_switch.session import limits


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
        key = await keys.key_of(up, 10.0)
        assert key is not None
        assert key.reveal() == token


async def test_calls_that_come_together_share_one_run(tmp_path: Path) -> None:
    keys, up = ProviderKeys(Clock()), endpoint(counting(tmp_path))
    found = await asyncio.gather(*(keys.key_of(up, 10.0) for _ in range(5)))
    assert {key.reveal() for key in found if key is not None} == {"token-1"}


async def test_without_a_command_the_endpoint_knows() -> None:
    up = Endpoint(name="up", provider=Provider(dialect="openai", url="ws://127.0.0.1:1/"))
    assert await ProviderKeys(Clock()).key_of(up, 10.0) is None


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
        await ProviderKeys(Clock()).key_of(endpoint(command), 10.0)
    assert (raised.value.trouble, raised.value.message) == (trouble, f"the key command of up {message}")
    assert raised.value.hopeless is (trouble is DialTrouble.KEY)


async def test_a_run_that_is_given_up_leaves_no_process_and_hinders_nobody(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    slow = f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    keys, up = ProviderKeys(Clock()), endpoint(python(slow))
    asking = asyncio.create_task(keys.key_of(up, 10.0))
    await until(lambda: pid_file.exists() and bool(pid_file.read_text()))
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert not Path(f"/proc/{pid_file.read_text()}").exists()
    assert await keys.key_of(endpoint(python("print('fresh')")), 10.0) is not None


async def test_who_comes_while_a_run_is_given_up_has_one_of_his_own(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    first = f"import os, time\nfirst = not os.path.exists({str(begun)!r})\nopen({str(begun)!r}, 'w')\n"
    keys, up = ProviderKeys(Clock()), endpoint(python(first + "time.sleep(60 * first); print('own')"))
    asking = asyncio.create_task(keys.key_of(up, 10.0))
    await until(begun.exists)
    asking.cancel()
    await asyncio.sleep(0)  # it has been told, and what it ran is not gone yet
    key = await keys.key_of(up, 10.0)
    assert key is not None
    assert key.reveal() == "own"
    await asyncio.gather(asking, return_exceptions=True)


async def test_a_script_that_is_given_up_takes_with_it_what_it_runs(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(provider_keys, "COMMAND_S", 0.5)
    pid_file = tmp_path / "pid"
    script = f"sleep 60 & echo $! > {shlex.quote(str(pid_file))}; wait"
    with pytest.raises(DialError):
        await ProviderKeys(Clock()).key_of(endpoint(shlex.join(["sh", "-c", script])), 10.0)
    await until(lambda: not runs(pid_file.read_text().strip()))


def runs(pid: str) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


async def test_calls_that_wait_for_one_run_fail_with_it_and_do_not_queue(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(provider_keys, "COMMAND_S", 0.5)
    file = str(tmp_path / "runs")
    keys = ProviderKeys(Clock())
    up = endpoint(python(f"import time; open({file!r}, 'a').write('x'); time.sleep(60)"))
    found = await asyncio.gather(*(keys.key_of(up, 10.0) for _ in range(20)), return_exceptions=True)
    assert {str(error) for error in found} == {"the key command of up took longer than 0.5 seconds"}
    assert Path(file).read_text() == "x"


async def test_who_has_somewhere_else_to_go_does_not_wait_for_long_and_who_comes_next_has_the_key(
    tmp_path: Path,
) -> None:
    gate = tmp_path / "gate"
    keys = ProviderKeys(Clock())
    wait = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\nprint('late')"
    up = endpoint(python(wait))
    with pytest.raises(DialError) as raised:
        await keys.key_of(up, 0.1)
    assert raised.value.message == "the key command of up took longer than 0.1 seconds"
    gate.touch()
    key = await keys.key_of(up, 10.0)
    assert key is not None
    assert key.reveal() == "late"


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


async def test_a_key_command_that_hangs_costs_a_call_no_more_than_a_provider_that_hangs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "PROVIDER_HANDSHAKE_IMPATIENT_S", 0.2)
    slow = python("import time; time.sleep(60)")
    targets = (Target("up", "m"), Target("other", "m"))
    async with rig(targets=targets, provider_key={"key_command": slow}) as here:
        clients = [await here.connect() for _ in range(3)]
        for client in clients:
            assert await hear(client) == CREATED
        assert (here.upstream.dials, here.other.dials) == (0, 3)


@pytest.mark.parametrize("said", [b"", b" \n", b"sk-hush\r\nx-more: 1", b"\xff\xfe", "sk-h\u00fcsh".encode()])
async def test_a_key_file_that_holds_no_key_is_named_and_the_next_provider_asked(
    tmp_path: Path, said: bytes
) -> None:
    file = tmp_path / "token"
    file.write_bytes(said)
    targets = (Target("up", "m"), Target("other", "m"))
    with structlog.testing.capture_logs() as logs:
        async with rig(targets=targets, provider_key={"key_file": str(file)}) as here:
            client = await here.connect()
            assert await hear(client) == CREATED
            assert (here.upstream.dials, here.other.dials) == (0, 1)
    assert "the key file of up holds no key" in str(logs)
    assert "hush" not in str(logs)


async def test_a_key_file_that_is_replaced_counts_at_the_next_dial(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    async with rig(provider_key={"key_file": str(file)}) as here:
        assert await called(here) == "Bearer first"
        file.write_text("second\n")
        assert await called(here) == "Bearer second"
