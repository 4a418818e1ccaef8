"""`realtime-switch usage`: what was used, in all and by account, provider, day and more."""

from typing import TYPE_CHECKING

import click

from .administer import administer
from .options import common, json_option, print_json, print_table

if TYPE_CHECKING:
    from ..accounts.questions import UsageTotals
    from ..business.admin import Administration

BY = ("account", "provider", "model", "kind", "session", "day", "hour")


@click.command()
@click.option("--by", type=click.Choice(BY), help="A row for each; days and hours are UTC.")
@click.option("--account", metavar="ACCOUNT", help="Only this account: an id or an email.")
@json_option
@common
def usage(by: str | None, account: str | None, as_json: bool) -> None:
    """Show what was used. Replies, tokens by kind, and what they cost in credits."""
    whole, rows = administer(lambda admin: _read(admin, by, account))
    if as_json:
        listed = {"rows": [{by: row.groups[0], **totals_json(row)} for row in rows]} if by else {}
        print_json({**totals_json(whole), **listed})
        return
    print_table(
        (by.upper() if by else "", "RESPONSES", "INPUT", "OUTPUT", "TOTAL", "RESEED", "CREDITS"),
        [(row.groups[0], *_columns(row)) for row in rows] + [("all", *_columns(whole))],
    )


async def _read(
    admin: "Administration", by: str | None, account: str | None
) -> "tuple[UsageTotals, list[UsageTotals]]":
    [whole] = await admin.usage(None, account)
    return whole, await admin.usage(by, account) if by else []


def totals_json(totals: "UsageTotals") -> dict[str, object]:
    import msgspec

    members = msgspec.structs.asdict(totals)
    del members["groups"]
    return members


def _columns(totals: "UsageTotals") -> tuple[int, ...]:
    return (
        totals.responses,
        totals.input_tokens,
        totals.output_tokens,
        totals.total_tokens,
        totals.reseed_tokens,
        totals.credits,
    )
