"""The command `realtime-switch`: finds the subcommand, and turns whatever goes wrong into one line.

Exit codes: 0 done, 1 failed, 2 misuse. A command is imported when it is called:
`--help` must not wait for a database library.
"""

import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import click

from ..accounts.errors import ErrorCode, RealtimeSwitchError
from .options import common, debugging, printable

PROGRAM = "realtime-switch"


class Lazy(NamedTuple):
    where: str  # module:attribute
    help: str


COMMANDS = {
    "serve": Lazy("realtime_switch.cli.serve:serve", "Run everything on this machine."),
    "gateway": Lazy("realtime_switch.gateway.command:gateway", "Run one gateway process."),
    "business": Lazy("realtime_switch.cli.business:business", "Run the business process."),
    "account": Lazy(
        "realtime_switch.cli.account:account", "Create, list, show, top up, close, export and erase accounts."
    ),
    "key": Lazy("realtime_switch.cli.key:key", "Create, list and revoke API keys."),
    "usage": Lazy("realtime_switch.cli.usage:usage", "Show what was used."),
    "session": Lazy("realtime_switch.cli.session:session", "List, show, export and delete sessions."),
    "migrate": Lazy("realtime_switch.cli.migrate:migrate", "Bring the database to this version, or back."),
    "rekey": Lazy("realtime_switch.cli.rekey:rekey", "Give the database a new key."),
    "backup": Lazy("realtime_switch.cli.backup:backup", "Copy the database while it is in use."),
    "metrics": Lazy(
        "realtime_switch.cli.metrics:metrics",
        "Print the metrics of all processes of this machine, in Prometheus' format.",
    ),
    "link": Lazy("realtime_switch.cli.link:link", "Make keys for a link between machines."),
    "doctor": Lazy("realtime_switch.cli.doctor:doctor", "Check this installation and say what to do."),
    "talk": Lazy("realtime_switch.cli.talk:talk", "Hold a call from the terminal."),
    "bench": Lazy("realtime_switch.cli.bench:bench", "Measure this installation's gateway on this machine."),
    "simulate": Lazy("realtime_switch.local.command:simulate", "Run the offline provider alone."),
}


class Program(click.Group):
    """The command itself: knows its subcommands by name, and loads one when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].where.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand:
            # click would look for what was meant among the commands it has, and it has none: ours are lazy.
            raise click.exceptions.NoSuchCommand(args[0], possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in COMMANDS])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def main(self, args: Sequence[str] | None = None, **extra: Any) -> NoReturn:  # type: ignore[override]
        extra["standalone_mode"] = False
        extra.setdefault("prog_name", PROGRAM)
        try:
            code = super().main(args, **extra)
            sys.stdout.flush()
        except click.ClickException as error:
            code = _fail(_sentence(error), 2 if isinstance(error, click.UsageError) else 1)
        except RealtimeSwitchError as error:
            code = _fail(str(error), 2 if error.code == ErrorCode.EXTERNAL_INVALID_VALUE else 1)
        except (click.Abort, KeyboardInterrupt):
            code = _fail("Stopped.", 1)
        except BrokenPipeError:
            # Nobody reads any more; Python would complain once again when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            code = 1
        except Exception as error:
            group = ExceptionGroup("", [error])  # as that of tasks may be
            code = _too_few_files() if group.subgroup(_is_too_many_open) is not None else _unexpected(error)
        sys.exit(code if isinstance(code, int) else 0)


def _sentence(error: click.ClickException) -> str:
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return error.format_message()
    ctx = error.ctx
    message = error.format_message()
    # Two ways to say the same: with other options before, and with nothing at all.
    if isinstance(error, click.exceptions.NoArgsIsHelpError) or message == "Missing command.":
        assert isinstance(ctx.command, click.Group)
        message = f"A command is missing; there are {', '.join(ctx.command.list_commands(ctx))}."
    return f"{message} See `{ctx.command_path} --help`."


def _is_too_many_open(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EMFILE


def _too_few_files() -> int:
    from ..process import open_files_max  # with asyncio, which `--help` does not wait for

    return _fail(
        f"This process may open {open_files_max()} files, and that is too few. "
        "Allow more and start it again: `ulimit -n 4096` in a shell, LimitNOFILE= of a service, "
        "`ulimits: nofile` of a container.",
        1,
    )


def _unexpected(error: Exception) -> int:
    if debugging():
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error.strerror}" if isinstance(error, OSError) else type(error).__name__
    hint = "" if debugging() else " Run it again with --debug to see where."
    return _fail(f"Something unexpected happened ({what}).{hint}", 1)


def _fail(sentence: str, code: int) -> int:
    # One line, whatever the sentence quotes.
    click.echo(f"Error: {printable(' '.join(sentence.split()))}", err=True)
    return code


@click.command(cls=Program)
@click.version_option(package_name=PROGRAM, message="%(prog)s %(version)s")
@common
def main() -> None:
    """A gateway for realtime voice AI: one address, keys of your own, credits to the token."""
