import re
import subprocess
from pathlib import Path

from command import Command

PAGE = Path(__file__, "../../../docs/backup.md").resolve().read_text()


def test_a_backup_is_told_with_its_size(command: Command, account: str, tmp_path: Path):
    file = tmp_path / "copy.db"
    assert command("backup", str(file), "--json").json == {"file": str(file), "bytes": file.stat().st_size}
    again = command("backup", str(file))
    assert (again.code, again.out) == (1, "")
    assert again.err.endswith("(EXTERNAL_ALREADY_EXISTS)\n")


def test_postgresql_has_a_tool_of_its_own(command: Command, tmp_path: Path):
    result = command("backup", str(tmp_path / "x"), DATABASE_URL="postgresql://u:hush@127.0.0.1:1/d")
    assert (result.code, result.out) == (1, "")
    assert "use pg_dump" in result.err


def test_the_page_says_how_to_restore_and_it_works(command: Command, account: str, tmp_path: Path):
    command("backup", str(tmp_path / "copy.db"))
    command("account", "create", "later@example.com")
    script = "\n".join(re.findall(r"```sh restore\n(.*?)```", PAGE, flags=re.S))
    assert "cp " in script
    subprocess.run(
        ["sh", "-eu", "-c", script],
        env={"PATH": "/usr/bin:/bin", "DATA": str(command.data), "COPY": str(tmp_path / "copy.db")},
        check=True,
    )
    assert [each["email"] for each in command("account", "list", "--json").json] == ["a@example.com"]
    assert (command.data / "realtime-switch.db").stat().st_mode & 0o077 == 0
    findings = command("doctor", "--json").json
    assert [each for each in findings if each["status"] == "fail"] == []
