import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from link_ends import a_server_process
from realtime_switch.accounts.errors import ConfigurationError, ErrorCode
from realtime_switch.link.address import Lock, make_private, socket_path


def test_an_address_is_ipc_and_a_path_or_the_path_alone() -> None:
    assert socket_path("ipc:///run/rs/link") == Path("/run/rs/link")
    assert socket_path("/run/rs/link") == Path("/run/rs/link")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("tcp://127.0.0.1:5555", "without keys on both ends"),
        ("ipc://run/link", "absolute path"),
        ("ipc://@abstract", "absolute path"),
        ("inproc://link", "absolute path"),
        ("", "absolute path"),
        ("/run/\0/link", "character"),
        ("/" + "x" * 107, "is 108 bytes long and a socket's may have 107"),
        ("/" + "é" * 54, "is 109 bytes long"),
    ],
)
def test_an_address_that_cannot_work_is_refused_with_the_reason(address: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        socket_path(address)
    assert caught.value.code is ErrorCode.INTERNAL_CONFIG_INVALID


def test_a_path_as_long_as_a_socket_can_have_is_fine() -> None:
    assert socket_path("/" + "x" * 106) == Path("/" + "x" * 106)


def test_a_directory_is_made_for_our_user_alone(tmp_path: Path) -> None:
    make_private(tmp_path / "a" / "run")
    make_private(tmp_path / "a" / "run")
    assert (tmp_path / "a" / "run").stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_can_enter_is_refused_with_the_remedy(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    with pytest.raises(ConfigurationError, match=f"chmod 700 {tmp_path}"):
        make_private(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_is_refused(tmp_path: Path) -> None:
    os.chown(tmp_path, 65534, -1)
    with pytest.raises(ConfigurationError, match="belongs to user 65534"):
        make_private(tmp_path)


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made"):
        make_private(tmp_path / "file" / "run")


def test_a_path_is_served_by_one_and_the_other_is_told_whose_it_is(tmp_path: Path) -> None:
    path = tmp_path / "link"
    lock = Lock(path)
    with pytest.raises(ConfigurationError, match=rf"pid {os.getpid()}\) already serves {path}") as caught:
        Lock(path)
    assert caught.value.code is ErrorCode.INTERNAL_CONFIG_INVALID
    lock.release()
    Lock(path).release()


def test_the_lock_of_a_killed_process_is_free(address: str) -> None:
    path = socket_path(address)
    with a_server_process(address) as process:
        with pytest.raises(ConfigurationError, match=rf"pid {process.pid}\)"):
            Lock(path)
        process.kill()
        process.wait()
        Lock(path).release()


def test_a_child_process_does_not_inherit_the_lock(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "link")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False)
    lock.release()
    # A child that was spawned closes what it must not inherit a moment after its parent goes on.
    deadline = time.monotonic() + 5
    while True:
        try:
            Lock(tmp_path / "link").release()
            break
        except ConfigurationError:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    child.communicate(b"\n")
