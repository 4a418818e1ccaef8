import pytest

from realtime_switch.link.zap import decide


def question(address: bytes) -> list[bytes]:
    return [b"1.0", b"7", b"link", address, b"", b"NULL"]


def test_our_own_user_is_let_in() -> None:
    assert decide(question(b"localhost:1000:100:4711"), uid=1000) == [b"1.0", b"7", b"200", b"OK", b"", b""]


@pytest.mark.parametrize(
    "address",
    [
        b"localhost:1001:1000:1000",
        b"localhost:0:0:1",
        b"127.0.0.1",
        b"",
        b"localhost:1000",
        b"elsewhere:1000:1:1",
        b"localhost:-1:1:1",
    ],
)
def test_anybody_else_is_not(address: bytes) -> None:
    assert decide(question(address), uid=1000) == [b"1.0", b"7", b"400", b"another user", b"", b""]
