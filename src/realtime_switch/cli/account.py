"""`realtime-switch account`: who may call, and what they have left."""

from typing import TYPE_CHECKING

import click

from .administer import administer
from .options import common, iso, json_option, print_json, print_members, print_table

if TYPE_CHECKING:
    from ..business.repos import Account

Count = click.IntRange(min=0)


@click.group()
@common
def account() -> None:
    """Create, list, show, top up and close accounts. ACCOUNT is an id or an email."""


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
