"""The command as a person uses it: words in; exit code, output and complaints out."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner

from realtime_switch.business.main import open_from
from realtime_switch.business.repos import Repos
from realtime_switch.cli.main import PROGRAM, main
from realtime_switch.settings import Flags, load
from realtime_switch.settings.load import CONFIG_NAME, DATA_NAME, ENVIRONMENT, KEY_NAME

SETTING_NAMES = {*ENVIRONMENT, DATA_NAME, CONFIG_NAME, KEY_NAME, "OPENAI_API_KEY", "GEMINI_API_KEY"}


class Result(msgspec.Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        assert (self.code, self.err) == (0, ""), self
        return msgspec.json.decode(self.out)


class Command:
    """Runs the command in this process, on a data directory of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.environ: dict[str, str | None] = dict.fromkeys(SETTING_NAMES)

    def __call__(self, *words: str, said: str = "", data: bool = True, **environ: str) -> Result:
        words = (*words, "--data", str(self.data)) if data else words
        result = CliRunner().invoke(
            main, words, input=said, env={**self.environ, **environ}, prog_name=PROGRAM
        )
        return Result(result.exit_code, result.stdout, result.stderr)

    def database(self, work: Callable[[Repos], Any]) -> Any:
        """Do something to the database behind the command's back."""

        async def run() -> Any:
            database = open_from(load(Flags(data=self.data), {}), create=True)
            try:
                return await database.write(work)
            finally:
                await database.close()

        return asyncio.run(run())
