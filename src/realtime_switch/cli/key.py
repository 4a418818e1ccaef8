"""`realtime-switch key`: what an app shows at the door. A key is printed once, when it is made."""

import sys
import time
from typing import TYPE_CHECKING

import click

from ..accounts.keys import LABEL_CHARS_MAX, is_key
from .administer import administer
from .options import common, duration_us, iso, json_option, print_json, print_members, print_table

if TYPE_CHECKING:
    from ..business.repos import ApiKey


@click.group()
@common
def key() -> None:
    """Create, list and revoke API keys. ACCOUNT is an id or an email."""


@key.command()
@click.argument("account")
@click.option("--label", default="", help=f"To tell keys apart; at most {LABEL_CHARS_MAX} characters.")
@click.option(
    "--expires", type=duration_us, metavar="30d", help="How long it opens anything; without: for ever."
)
@json_option
@common
def create(account: str, label: str, expires: int | None, as_json: bool) -> None:
    """Create a key for ACCOUNT and print it, this once."""
    expires_us = None if expires is None else time.time_ns() // 1000 + expires
    secret, made = administer(lambda admin: admin.create_key(account, label, expires_us))
    _print({"key": secret, **key_json(made)}, as_json)
    if not as_json:
        click.echo("\nKeep the key now: it is not stored and cannot be shown again.", err=True)


@key.command("list")
@click.argument("account", required=False)
@json_option
@common
def list_(account: str | None, as_json: bool) -> None:
    """List the keys of ACCOUNT, or of all."""
    keys = administer(lambda admin: admin.keys(account))
    if as_json:
        print_json([key_json(each) for each in keys])
        return
    print_table(
        ("KEY", "LABEL", "ACCOUNT", "CREATED", "EXPIRES", "LAST USED", "HASH"),
        (
            (
                each.key_indicator,
                each.label,
                each.account_id,
                iso(each.created_us),
                iso(each.expires_us),
                iso(each.last_used_us),
                each.key_hash[:12],
            )
            for each in keys
        ),
    )


@key.command()
@click.argument("what", metavar="KEY")
@json_option
@common
def revoke(what: str, as_json: bool) -> None:
    """Revoke KEY: an indicator as in `key list`, a hash, or - to read the key itself from standard input."""
    if is_key(what):
        raise click.UsageError(
            "A key does not belong on a command line, where other users see it. "
            "Name it by its indicator, or pass - and the key on standard input."
        )
    if what == "-":
        what = sys.stdin.readline().strip()
    revoked = administer(lambda admin: admin.revoke_key(what))
    _print(key_json(revoked), as_json)


def key_json(key: "ApiKey") -> dict[str, object]:
    return {
        "key_indicator": key.key_indicator,
        "key_hash": key.key_hash,
        "account_id": key.account_id,
        "label": key.label,
        "created_at": iso(key.created_us),
        "expires_at": iso(key.expires_us),
        "last_used_at": iso(key.last_used_us),
    }


def _print(members: dict[str, object], as_json: bool) -> None:
    if as_json:
        print_json(members)
    else:
        print_members(members)
