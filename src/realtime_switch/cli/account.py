"""`realtime-switch account`: who may call, and what they have left."""

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from .administer import administer
from .options import common, iso, json_option, new_file, print_json, print_members, print_table

if TYPE_CHECKING:
    from ..business.admin import Administration
    from ..business.repos import Account, Retention

DEFAULT, FOREVER, FOREVER_DAYS = "default", "forever", 36_500
Count = click.IntRange(min=0)


@click.group()
@common
def account() -> None:
    """Create, list, show, top up, close, export and erase accounts. ACCOUNT is an id or an email."""


@account.command()
@click.argument("email")
@click.option("--plan", default="Free", show_default=True, help="Free, Pro or Enterprise.")
@click.option("--tokens", type=Count, help="Tokens to begin with, instead of the plan's.")
@click.option("--topup", type=Count, default=0, show_default=True, help="Bought tokens to begin with.")
@json_option
@common
def create(email: str, plan: str, tokens: int | None, topup: int, as_json: bool) -> None:
    """Create an account for EMAIL."""
    made = administer(lambda admin: admin.create_account(email, plan, tokens, topup), create=True)
    _print(made, as_json)


@account.command("list")
@json_option
@common
def list_(as_json: bool) -> None:
    """List all accounts."""
    accounts = administer(lambda admin: admin.accounts())
    if as_json:
        print_json([account_json(each) for each in accounts])
        return
    print_table(
        ("ID", "EMAIL", "PLAN", "PLAN LEFT", "TOPUP LEFT", "STATUS", "CREATED"),
        (
            (a.id, a.email, a.plan_name, a.token_remaining, a.topup_remaining, a.status, iso(a.created_us))
            for a in accounts
        ),
    )


@account.command()
@click.argument("account")
@json_option
@common
def show(account: str, as_json: bool) -> None:
    """Show one account."""
    _print(administer(lambda admin: admin.account(account)), as_json)


@account.command()
@click.argument("account")
@click.argument("tokens", type=click.IntRange(min=1))
@click.option("--reason", default="", help="Kept in the ledger beside the entry.")
@json_option
@common
def topup(account: str, tokens: int, reason: str, as_json: bool) -> None:
    """Add bought TOKENS to an account."""
    _print(administer(lambda admin: admin.topup(account, tokens, reason)), as_json)


@account.command()
@click.argument("account")
@json_option
@common
def close(account: str, as_json: bool) -> None:
    """Close an account: its keys open nothing any more, its ledger stays."""
    _print(administer(lambda admin: admin.close_account(account)), as_json)


def _number_of_days(context: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value in (None, DEFAULT, FOREVER):
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= FOREVER_DAYS):
        raise click.BadParameter(f"{value!r} is no number of days up to {FOREVER_DAYS:,}.")
    return value


@account.command()
@click.argument("account")
@click.option(
    "--transcripts", callback=_number_of_days, metavar="DAYS", help="What was said, settings and switches."
)
@click.option("--usage", callback=_number_of_days, metavar="DAYS", help="For which session each bill was.")
@json_option
@common
def retain(account: str, transcripts: str | None, usage: str | None, as_json: bool) -> None:
    """Show or set how long things are kept. DAYS: a number, `forever`, or `default` (as [retention] says)."""
    kept = administer(lambda admin: _retain(admin, account, transcripts, usage))
    members: dict[str, object] = {
        "transcripts": _days(kept.transcripts_days),
        "usage": _days(kept.usage_days),
    }
    if as_json:
        print_json(members)
    else:
        print_members(members)


async def _retain(
    admin: "Administration", account: str, transcripts: str | None, usage: str | None
) -> "Retention":
    from msgspec.structs import replace

    kept = await admin.retention(account)
    asked = {"transcripts_days": transcripts, "usage_days": usage}
    changed = {name: _number(days) for name, days in asked.items() if days is not None}
    if changed:
        kept = replace(kept, **changed)
        await admin.set_retention(account, kept)
    return kept


def _number(days: str) -> int | None:
    return None if days == DEFAULT else FOREVER_DAYS if days == FOREVER else int(days)


def _days(days: int | None) -> int | str:
    return DEFAULT if days is None else FOREVER if days == FOREVER_DAYS else days


@account.command()
@click.argument("account")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="Write there, for its owner only.",
)
@json_option
@common
def export(account: str, out: Path, as_json: bool) -> None:
    """Write everything that is kept of ACCOUNT as lines of JSON, and make sure that it is all there."""
    administer(lambda admin: admin.account(account))  # before there is a file
    with new_file(out) as file:
        try:
            counts = administer(lambda admin: _export(admin, account, file))
            file.flush()
            if _counted(out) != counts:
                raise click.ClickException(f"{out} does not hold what was written to it.")
        except BaseException:
            out.unlink()  # half of an export would be taken for a whole one
            raise
    if as_json:
        print_json({"file": str(out), "rows": counts})
        return
    click.echo(f"Everything of the account is in {out}:")
    print_members(dict(counts))


async def _export(admin: "Administration", account: str, file: BinaryIO) -> dict[str, int]:
    import msgspec

    counts: dict[str, int] = {}
    async for table, row in admin.export_account(account):
        file.write(msgspec.json.encode({"table": table, **row}) + b"\n")
        counts[table] = counts.get(table, 0) + 1
    return counts


def _counted(out: Path) -> dict[str, int]:
    import msgspec

    counts: dict[str, int] = {}
    with out.open("rb") as lines:
        for line in lines:
            table = msgspec.json.decode(line)["table"]
            counts[table] = counts.get(table, 0) + 1
    return counts


@account.command()
@click.argument("account")
@click.option("--yes", is_flag=True, help="Do not ask whether this is meant.")
@json_option
@common
def erase(account: str, yes: bool, as_json: bool) -> None:
    """Close ACCOUNT and delete all of it but what was paid, which loses every name. Cannot be undone."""
    if not yes:
        click.confirm(f"Erase {account} for good?", abort=True, err=True)
    erased = administer(lambda admin: admin.erase_account(account))
    if as_json:
        print_json({"erased": erased.account_id, "before": erased.before, "after": erased.after})
        return
    click.echo(f"Erased {erased.account_id}. Rows before and after:")
    print_table(
        ("TABLE", "BEFORE", "AFTER"),
        [(name, rows, erased.after[name]) for name, rows in erased.before.items()],
    )


def account_json(account: "Account") -> dict[str, object]:
    return {
        "id": account.id,
        "email": account.email,
        "plan_name": account.plan_name,
        "token_remaining": account.token_remaining,
        "topup_remaining": account.topup_remaining,
        "credits": account.credits,
        "status": account.status,
        "created_at": iso(account.created_us),
        "updated_at": iso(account.updated_us),
    }


def _print(account: "Account", as_json: bool) -> None:
    if as_json:
        print_json(account_json(account))
    else:
        print_members(account_json(account))
