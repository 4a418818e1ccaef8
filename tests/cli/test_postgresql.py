"""The command on PostgreSQL: the same words, the same answers."""

from command import Command


def test_the_command_works_on_postgresql_and_makes_no_files(command: Command, empty_postgres_url: str):
    command.environ["DATABASE_URL"] = empty_postgres_url
    made = command("account", "create", "a@example.com", "--plan", "Pro", "--json").json
    key = command("key", "create", made["id"], "--json").json
    assert command("key", "revoke", key["key_indicator"], "--json").json["key_hash"] == key["key_hash"]
    assert command("account", "topup", "a@example.com", "5", "--json").json["credits"] == 50_005
    assert command("usage", "--by", "day", "--json").json["rows"] == []
    assert command("session", "list", "--json").json == []
    assert {step["outcome"] for step in command("migrate", "status", "--json").json} == {"executed"}
    findings = [each for each in command("doctor", "--json").json if each["check"] in ("key", "database")]
    assert {each["status"] for each in findings} == {"ok"}
    assert findings[-1]["text"] == "every balance follows from its entries and bills"
    assert not command.data.exists()


def test_migrations_go_down_and_up_on_postgresql(command: Command, empty_postgres_url: str):
    command.environ["DATABASE_URL"] = empty_postgres_url
    up = command("migrate", "up", "--json").json
    assert {step["outcome"] for step in up} == {"executed"}
    down = command("migrate", "down", "--to", "0", "--json").json
    assert [step["number"] for step in down] == [step["number"] for step in reversed(up)]
    assert {step["outcome"] for step in command("migrate", "status", "--json").json} == {"waiting"}


def test_a_server_that_is_not_there_is_told_without_the_password(command: Command):
    result = command("account", "list", DATABASE_URL="postgresql://me:hush@127.0.0.1:1/x")
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("(INTERNAL_DATABASE_UNAVAILABLE)\n")
    assert result.err.count("\n") == 1
    assert "hush" not in result.err
