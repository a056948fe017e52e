"""The code that documents show, to be run as it stands there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def fenced_blocks(document: str, language: str) -> list[str]:
    """Contents of the fenced blocks of one language, of a file given from the repository's root."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)
