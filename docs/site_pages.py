"""What `make docs` does to pages: the README is the first one, links out of docs/ become text."""

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\(([^):\s]+)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add README.md as the first page."""
    readme = (ROOT / "README.md").read_text().replace("](docs/", "](")
    files.append(File.generated(config, "index.md", content=readme))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Keep links to pages and pictures; of links to other files of the repository keep the text."""

    def kept(link: re.Match[str]) -> str:
        text, target = link[1], link[2].partition("#")[0]
        inside = not target or files.get_file_from_path(target) is not None
        return link[0] if inside or not _in_repository(target, page) else text

    return _LINK.sub(kept, markdown)


def _in_repository(target: str, page: Page) -> bool:
    """Whether the link leads to a file that the site has not: a wrong link is left to MkDocs."""
    folder = ROOT if page.file.src_uri == "index.md" else ROOT / "docs"
    return (folder / target).exists()
