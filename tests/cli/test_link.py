import stat

from command import Command
from realtime_switch.link.keys import read_keys


def test_both_keys_are_made_and_fit_each_other(command: Command):
    made = command("link", "keys", "--json").json
    business, gateway = (read_keys(command.data / name) for name in ("link-business.key", "link-gateway.key"))
    assert made == {
        "business": str(command.data / "link-business.key"),
        "gateway": str(command.data / "link-gateway.key"),
    }
    assert (business.peer, gateway.peer) == (gateway.public, business.public)
    assert stat.S_IMODE((command.data / "link-gateway.key").stat().st_mode) == 0o600


def test_keys_that_are_there_are_not_replaced(command: Command):
    assert command("link", "keys").code == 0
    before = (command.data / "link-business.key").read_bytes()
    again = command("link", "keys")
    assert (again.code, "is there already" in again.err) == (1, True)
    assert (command.data / "link-business.key").read_bytes() == before
