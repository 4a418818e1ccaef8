"""`realtime-switch session`: what is kept of conversations and switches; to read, to take away, to delete."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .administer import administer
from .options import common, iso, json_option, new_file, print_json, print_members, print_table

if TYPE_CHECKING:
    from ..accounts.records import Switched
    from ..business.admin import Administration, WholeSession
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
    """Show one session: its configuration, where it was switched, and all that was said."""
    found = administer(lambda admin: admin.session(account, session_id))
    if as_json:
        print_json(_whole(found))
        return
    print_members({**session_json(found.summary), "config": found.config})
    if found.switches:
        click.echo()
        headings = ("SWITCHED", "FROM", "TO", "CAUSE", "SILENCE", "ATTEMPTS")
        print_table(headings, [_columns(switched) for switched in found.switches])
    click.echo(f"\n{found.conversation}" if found.conversation else "\nNothing was said.")


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
    with new_file(out) as file:
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
    return [_whole(await admin.session(account, each)) for each in ids]


def session_json(summary: "SessionSummary") -> dict[str, object]:
    return {
        "account_id": summary.account_id,
        "session_id": summary.session_id,
        "has_config": summary.has_config,
        "conversation_chars": summary.conversation_chars,
        "created_at": iso(summary.created_us),
        "updated_at": iso(summary.updated_us),
    }


def switch_json(switched: "Switched") -> dict[str, object]:
    """Without a target where nobody was found."""
    return {
        "switched_at": iso(switched.born_us),
        "from_provider": switched.from_provider,
        "from_model": switched.from_model,
        "to_provider": switched.to_provider or None,
        "to_model": switched.to_model or None,
        "cause": switched.cause.value,
        "silent_us": switched.silent_us,
        "attempts": switched.attempts,
    }


def _whole(found: "WholeSession") -> dict[str, object]:
    return {
        **session_json(found.summary),
        "config": found.config,
        "conversation": found.conversation,
        "switches": [switch_json(switched) for switched in found.switches],
    }


def _columns(switched: "Switched") -> tuple[object, ...]:
    return (
        iso(switched.born_us),
        f"{switched.from_provider}/{switched.from_model}",
        f"{switched.to_provider}/{switched.to_model}" if switched.to_provider else None,
        switched.cause.value,
        f"{switched.silent_us / 1_000_000:.3f} s",
        switched.attempts,
    )
