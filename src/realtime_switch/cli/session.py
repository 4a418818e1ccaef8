"""`realtime-switch session`: what is remembered of conversations; to read, to take away, to delete."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .administer import administer
from .options import common, iso, json_option, print_json, print_members, print_table

if TYPE_CHECKING:
    from ..business.admin import Administration
    from ..business.repos import SessionSummary


@click.group()
@common
def session() -> None:
    """List, show, export and delete sessions. ACCOUNT is an id or an email."""


@session.command("list")
@click.argument("account", required=False)
@json_option
@common
def list_(account: str | None, as_json: bool) -> None:
    """List the sessions of ACCOUNT, or of all."""
    sessions = administer(lambda admin: admin.sessions(account))
    if as_json:
        print_json([session_json(each) for each in sessions])
        return
    print_table(
        ("ACCOUNT", "SESSION", "CONFIG", "CHARACTERS", "CREATED", "UPDATED"),
        (
            (
                s.account_id,
                s.session_id,
                s.has_config,
                s.conversation_chars,
                iso(s.created_us),
                iso(s.updated_us),
            )
            for s in sessions
        ),
    )


@session.command()
@click.argument("account")
@click.argument("session_id", metavar="SESSION")
@json_option
@common
def show(account: str, session_id: str, as_json: bool) -> None:
    """Show one session: its configuration and all that was said."""
    summary, config, conversation = administer(lambda admin: admin.session(account, session_id))
    if as_json:
        print_json(_whole(summary, config, conversation))
        return
    print_members({**session_json(summary), "config": config})
    click.echo(f"\n{conversation}" if conversation else "\nNothing was said.")


@session.command()
@click.argument("account")
@click.argument("session_id", metavar="[SESSION]", required=False)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write there, for its owner only."
)
@common
def export(account: str, session_id: str | None, out: Path | None) -> None:
    """Write one session, or all of ACCOUNT, as JSON: a list of what `show --json` prints."""
    import msgspec

    sessions = administer(lambda admin: _export(admin, account, session_id))
    if out is None:
        print_json(sessions)
        return
    text = msgspec.json.format(msgspec.json.encode(sessions), indent=2)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(text + b"\n")


@session.command()
@click.argument("account")
@click.argument("session_id", metavar="SESSION")
@json_option
@common
def delete(account: str, session_id: str, as_json: bool) -> None:
    """Delete what is remembered of one session. What it cost stays in the ledger."""
    administer(lambda admin: admin.delete_session(account, session_id))
    if as_json:
        print_json({"deleted": session_id})
    else:
        click.echo("Deleted.")


async def _export(admin: "Administration", account: str, session_id: str | None) -> list[dict[str, object]]:
    ids = [session_id] if session_id else [found.session_id for found in await admin.sessions(account)]
    return [_whole(*await admin.session(account, each)) for each in ids]


def session_json(summary: "SessionSummary") -> dict[str, object]:
    return {
        "account_id": summary.account_id,
        "session_id": summary.session_id,
        "has_config": summary.has_config,
        "conversation_chars": summary.conversation_chars,
        "created_at": iso(summary.created_us),
        "updated_at": iso(summary.updated_us),
    }


def _whole(summary: "SessionSummary", config: str | None, conversation: str) -> dict[str, object]:
    return {**session_json(summary), "config": config, "conversation": conversation}
