"""What stands in blocks of code in README and docs/: commands, and what is no command."""

import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What a command begins with. Programs that no page names yet are here so that a page which does is noticed.
PROGRAMS = {
    *(
        "realtime-switch",
        "make",
        "python",
        "pip",
        "export",
        "curl",
        "openssl",
        "sh",
        "cp",
        "rm",
        "chmod",
        "cat",
    ),
    *(
        "psql",
        "pg_dump",
        "pg_restore",
        "createdb",
        "dropdb",
        "systemctl",
        "docker",
        "podman",
        "kubectl",
        "git",
    ),
    *("apt", "apt-get", "sudo", "kill", "ulimit", "npm", "uv", "install", "mkdir", "cd", "env", "ssh", "scp"),
}
_PROGRAM = re.compile(r"(?:\$ )?(?:\w+=\S* )*(?:\S*/bin/)?([\w.-]+)(?:\s|$)")
_HEREDOC = re.compile(r"<<\s*'?(\w+)'?")


class Block(Struct, frozen=True):
    """`language` is what stands behind the fence; None: it is indented."""

    page: str
    language: str | None
    text: str

    @property
    def is_command(self) -> bool:
        found = _PROGRAM.match(self.text)
        return self.language is None and found is not None and found[1] in PROGRAMS


def blocks(page: Path) -> Iterator[Block]:
    name = page.relative_to(ROOT).as_posix()
    # A fence, or lines that are indented behind an empty one, up to the next empty one.
    shape = r"^ *```([^\n]*)\n(.*?)^ *```$|(?<=\n\n)((?: {4,}[^\n]+\n)+)"
    for found in re.finditer(shape, page.read_text(), re.MULTILINE | re.DOTALL):
        language, fenced, indented = found.groups()
        yield Block(name, language, textwrap.dedent(fenced if indented is None else indented).strip("\n"))


def commands(block: Block) -> list[str]:
    """One after the other: with the lines that go on behind a backslash, in open quotes, or up to the end
    of a here-document; without comments."""
    found, begun = [], ""
    for line in block.text.splitlines():
        begun += line
        here = _HEREDOC.search(begun)
        if here is not None:
            begun += "" if line == here[1] else "\n"
            more = line != here[1]
        else:
            begun = begun if begun.count("'") % 2 else re.sub(r"\s{2,}#.*$", "", begun)
            more = begun.endswith("\\") or begun.count("'") % 2 == 1
            begun = begun.removesuffix("\\")
        if not more:
            found.append(begun.removeprefix("$ ").removeprefix(".venv/bin/"))
            begun = ""
    assert not begun, f"{block.page}: a command has no end: {begun}"
    return [one for one in found if one]
