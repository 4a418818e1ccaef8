"""What the site has beside docs/: the pages at the root of the repository, and links that lead out of docs/.

MkDocs calls these by name (https://www.mkdocs.org/user-guide/configuration/#hooks).
"""

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
PAGES = {"README.md": "index.md", "ARCHITECTURE.md": "architecture.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r"\]\(((?!https?:|#)[^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: Any) -> Files:
    for name, page in PAGES.items():
        files.append(File.generated(config, page, content=_moved((ROOT / name).read_text(), ROOT)))
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    config.nav.append({"Decisions": [f"decisions/{path.name}" for path in decisions]})
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    source = page.file.abs_src_path
    return markdown if source is None else _moved(markdown, Path(source).parent)


def _moved(markdown: str, folder: Path) -> str:
    """Links between pages, by where these are in the site; what is no page of it is named, without a link."""

    def moved(match: re.Match[str]) -> str:
        target = (folder / match[1]).resolve().relative_to(ROOT).as_posix()
        if target in PAGES:
            target = f"docs/{PAGES[target]}"
        if not target.startswith("docs/") or not target.endswith((".md", ".json", ".svg", ".png")):
            return f"] ({target})"
        here = "docs" if folder == ROOT else folder.relative_to(ROOT).as_posix()
        up = "../" * (here.count("/"))
        return f"]({up}{target.removeprefix('docs/')}{match[2] or ''})"

    return _LINK.sub(moved, markdown)
