import re
import stat
import threading
from pathlib import Path

import pytest

from realtime_switch.accounts.errors import ConfigurationError, ErrorCode
from realtime_switch.secret import Secret
from realtime_switch.settings import Flags, database_key, load, make_directory, outbox_key
from realtime_switch.settings.place import SOCKET_PATH_BYTES_MAX, read_key_file, socket_path, write_key_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_use_makes_a_key_that_only_its_owner_can_read(tmp_path: Path):
    settings = load(Flags(data=tmp_path / "data"), {})
    key = database_key(settings, make=True)
    assert len(bytes.fromhex(key.reveal())) == 32
    assert (mode(settings.data), mode(settings.key_file)) == (0o700, 0o600)
    assert database_key(settings) == key
    assert [path.name for path in settings.data.iterdir()] == ["db.key"]


def test_starts_at_the_same_moment_agree_on_one_key(tmp_path: Path):
    settings = load(Flags(data=tmp_path / "data"), {})
    keys: list[Secret] = []
    start = threading.Barrier(8)

    def first_start() -> None:
        start.wait()
        keys.append(database_key(settings, make=True))

    threads = [threading.Thread(target=first_start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_the_environment_goes_before_the_file(tmp_path: Path):
    settings = load(Flags(data=tmp_path), {"DB_ENCRYPTION_KEY": "from-the-environment"})
    write_key_file(settings.key_file, Secret("from-the-file"))
    assert database_key(settings) == Secret("from-the-environment")


@pytest.mark.parametrize("make", [True, False])
def test_a_database_without_its_key_is_never_given_a_new_one(tmp_path: Path, make: bool):
    settings = load(Flags(data=tmp_path), {})
    settings.database_path.write_bytes(b"anything")
    with pytest.raises(ConfigurationError) as raised:
        database_key(settings, make=make)
    assert raised.value.code == ErrorCode.INTERNAL_ENV_KEY_NOT_FOUND
    assert "DB_ENCRYPTION_KEY" in raised.value.message
    assert str(settings.key_file) in raised.value.message
    assert not settings.key_file.exists()


@pytest.mark.parametrize("wrong", [0o640, 0o604, 0o622])
def test_a_key_file_that_others_can_reach_is_refused(tmp_path: Path, wrong: int):
    path = tmp_path / "db.key"
    write_key_file(path, Secret("hush"))
    path.chmod(wrong)
    with pytest.raises(ConfigurationError, match="chmod 600") as raised:
        read_key_file(path)
    assert "hush" not in str(raised.value)


def test_an_empty_or_unreadable_key_file_is_told_apart(tmp_path: Path):
    path = tmp_path / "db.key"
    with pytest.raises(ConfigurationError, match="No such file"):
        read_key_file(path)
    write_key_file(path, Secret(""))
    with pytest.raises(ConfigurationError, match="is empty"):
        read_key_file(path)
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match="it is not text"):
        read_key_file(path)


def test_a_directory_that_everybody_can_write_is_refused(tmp_path: Path):
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="--data"):
        make_directory(tmp_path)


def test_a_directory_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made: Not a directory"):
        make_directory(tmp_path / "file" / "data")


def test_a_socket_path_always_fits_and_differs_by_data_directory(tmp_path: Path):
    assert socket_path(Path("/d"), {}) == Path("/d/run/business.sock")
    deep = Path("/d") / ("x" * 120)
    fitted = socket_path(deep, {"XDG_RUNTIME_DIR": "/run/user/7"})
    assert fitted.parent == Path("/run/user/7/realtime-switch")
    assert fitted != socket_path(deep / "y", {"XDG_RUNTIME_DIR": "/run/user/7"})
    assert len(bytes(socket_path(deep, {}))) <= SOCKET_PATH_BYTES_MAX


def test_the_outbox_has_a_key_of_its_own_that_stays(tmp_path: Path):
    settings = load(Flags(data=tmp_path), {})
    key = outbox_key(settings)
    assert re.fullmatch("[0-9a-f]{64}", key.reveal())
    assert outbox_key(settings) == key
    assert (tmp_path / "outbox.key").stat().st_mode & 0o777 == 0o600


def test_records_without_their_key_are_not_given_another(tmp_path: Path):
    settings = load(Flags(data=tmp_path), {})
    (settings.outbox_path / "a-gateway").mkdir(parents=True)
    with pytest.raises(ConfigurationError, match="put it back"):
        outbox_key(settings)


def test_a_key_that_is_none_is_refused(tmp_path: Path):
    (tmp_path / "outbox.key").write_text("secret\n")
    (tmp_path / "outbox.key").chmod(0o600)
    with pytest.raises(ConfigurationError, match="64 hexadecimal digits"):
        outbox_key(load(Flags(data=tmp_path), {}))
