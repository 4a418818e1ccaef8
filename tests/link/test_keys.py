"""A link over tcp: keys on both ends, or nothing."""

import socket
from pathlib import Path

import pytest

from link_ends import GRANT, Notebook, a_client, a_server, until
from realtime_switch.accounts.errors import ConfigurationError, ErrorCode, LinkError
from realtime_switch.link.client import LinkClient
from realtime_switch.link.keys import Keys, keys_for, make_keys, read_keys, spell
from realtime_switch.link.server import LinkServer


def a_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"tcp://127.0.0.1:{found.getsockname()[1]}"


def written(path: Path, keys: Keys) -> Path:
    path.write_bytes(spell(keys))
    path.chmod(0o600)
    return path


async def test_verbs_travel_over_tcp_between_those_who_hold_the_keys() -> None:
    business, gateway = make_keys()
    address = a_port()
    async with a_server(address, Notebook(), keys=business), a_client(address, keys=gateway) as client:
        assert await client.validate_and_load("hash", "s1") == GRANT


async def test_another_gateway_key_is_refused_by_name_and_the_right_one_is_not_disturbed() -> None:
    business, gateway = make_keys()
    _, other = make_keys()
    address = a_port()
    stranger = Keys(other.secret, gateway.peer)  # knows whom it calls, and is not known there
    async with a_server(address, Notebook(), keys=business):
        async with a_client(address, keys=stranger) as client:
            with pytest.raises(ConfigurationError, match="copy its link-gateway") as caught:
                await client.get_credits("a1")
            assert caught.value.code is ErrorCode.INTERNAL_CONFIG_INVALID
        async with a_client(address, keys=gateway) as client:
            assert await client.get_credits("a1") == 42


async def test_who_pretends_to_be_the_business_process_is_told_nothing() -> None:
    _, gateway = make_keys()
    false_business, _ = make_keys()
    notebook, address = Notebook(), a_port()
    false_business = Keys(false_business.secret, gateway.public)
    async with (
        a_server(address, notebook, keys=false_business),
        a_client(address, 500, keys=gateway) as client,
    ):
        with pytest.raises(LinkError) as caught:
            await client.validate_and_load("hash", "s1")
        assert caught.value.code is ErrorCode.INTERNAL_LINK_TIMEOUT
    assert notebook.begun == []


async def test_without_keys_tcp_is_refused_on_both_ends() -> None:
    for end in (lambda: LinkClient(a_port()), lambda: LinkServer(a_port(), Notebook())):
        with pytest.raises(ConfigurationError, match="keys on both ends"):
            end()


async def test_a_port_in_use_is_said_so() -> None:
    business, _ = make_keys()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = LinkServer(f"tcp://127.0.0.1:{taken.getsockname()[1]}", Notebook(), keys=business)
        with pytest.raises(ConfigurationError, match="cannot be served"):
            await server.start()


@pytest.mark.parametrize(
    "address", ["tcp://", "tcp://host", "tcp://host:0", "tcp://host:99999", "tcp://h:1/x"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ConfigurationError, match="a host and a port"):
        LinkClient(address, keys=make_keys()[0])


def test_keys_come_back_from_their_file_and_are_not_told(tmp_path: Path) -> None:
    keys, _ = make_keys()
    assert read_keys(written(tmp_path / "k", keys)) == keys
    assert keys.secret.decode() not in repr(keys)


def test_a_file_that_others_can_read_or_that_holds_no_keys_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "k", make_keys()[0])
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_keys(path)
    path.chmod(0o600)
    for data in (b"", b"secret x\npeer y\n", b"secret %s\npeer %s\n" % (b"~" * 40, b"~" * 40)):
        path.write_bytes(data)
        with pytest.raises(ConfigurationError, match="link keys"):
            read_keys(path)
    with pytest.raises(ConfigurationError, match="is not there"):
        read_keys(tmp_path / "nowhere")


def test_keys_are_asked_for_only_where_there_is_a_port(tmp_path: Path) -> None:
    assert keys_for(["ipc:///run/x", "/run/y"], tmp_path / "nowhere") is None
    with pytest.raises(ConfigurationError):
        keys_for(["ipc:///run/x", "tcp://h:1"], tmp_path / "nowhere")


async def test_a_name_that_nobody_knows_yet_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a cluster, where a name comes with the process that has it."""
    _, gateway = make_keys()
    dials = []
    dial = LinkClient._dial
    monkeypatch.setattr(LinkClient, "_dial", lambda client: (dials.append(client), dial(client))[1])
    async with a_client("tcp://business-0.invalid:7000", keys=gateway):  # RFC 6761: no such name, ever
        await until(lambda: len(dials) == 3)


async def test_a_business_process_on_tcp_that_restarts_is_found_again() -> None:
    business, gateway = make_keys()
    address = a_port()
    async with a_client(address, keys=gateway) as client:
        async with a_server(address, Notebook(), keys=business):
            assert await client.get_credits("a1") == 42
        await until(lambda: not client.connected)
        async with a_server(address, Notebook(), keys=business):
            assert await client.get_credits("a1") == 42
