import re

from command import Command

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def timeless(account: dict[str, object]) -> dict[str, object]:
    assert TIME.fullmatch(str(account["created_at"]))
    assert TIME.fullmatch(str(account["updated_at"]))
    return {name: value for name, value in account.items() if name not in ("created_at", "updated_at")}


def test_an_account_begins_with_its_plan_and_what_was_bought(command: Command):
    made = command("account", "create", "Ann@Example.com", "--plan", "Pro", "--topup", "7", "--json").json
    assert timeless(made) == {
        "id": made["id"],
        "email": "ann@example.com",
        "plan_name": "Pro",
        "token_remaining": 50_000,
        "topup_remaining": 7,
        "credits": 50_007,
        "status": "active",
    }


def test_tokens_take_the_place_of_the_plans(command: Command):
    made = command("account", "create", "a@b.c", "--plan", "Pro", "--tokens", "0", "--json").json
    assert (made["token_remaining"], made["topup_remaining"]) == (0, 0)


def test_an_email_is_taken_once(command: Command, account: str):
    again = command("account", "create", "A@Example.com")
    assert (again.code, again.out) == (1, "")
    assert again.err.endswith("(EXTERNAL_ALREADY_EXISTS)\n")


def test_an_account_is_named_by_id_or_email(command: Command, account: str):
    assert command("account", "show", account, "--json").json["id"] == account
    assert command("account", "show", "a@example.com", "--json").json["id"] == account
    shown = command("account", "show", account).out
    assert "email            a@example.com\n" in shown


def test_a_topup_adds_bought_tokens(command: Command, account: str):
    topped = command("account", "topup", account, "500", "--reason", "invoice 7", "--json").json
    assert (topped["token_remaining"], topped["topup_remaining"], topped["credits"]) == (1000, 500, 1500)
    assert command("account", "topup", account, "1").out.count("topup_remaining  501") == 1


def test_a_closed_account_stays_in_the_list(command: Command, account: str):
    assert command("account", "close", account, "--json").json["status"] == "closed"
    assert [each["status"] for each in command("account", "list", "--json").json] == ["closed"]


def test_a_list_is_a_table_with_numbers_to_the_right(command: Command, account: str):
    command("account", "create", "somebody.else@example.com", "--tokens", "5")
    lines = command("account", "list").out.splitlines()
    assert lines[0].split() == ["ID", "EMAIL", "PLAN", "PLAN", "LEFT", "TOPUP", "LEFT", "STATUS", "CREATED"]
    assert len({line.index("active") for line in lines[1:]}) == 1
    assert sorted(line[line.index("Free") + 4 : line.index("active")].split()[0] for line in lines[1:]) == [
        "1,000",
        "5",
    ]


def test_an_empty_list_is_a_heading_and_an_empty_array(command: Command, account: str):
    assert command("key", "list").out == "KEY  LABEL  ACCOUNT  CREATED  EXPIRES  LAST USED  HASH\n"
    assert command("key", "list", "--json").json == []
