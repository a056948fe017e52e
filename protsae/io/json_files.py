"""JSON documents, written atomically and byte for byte the same from the same content."""

import json
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.atomic import atomic_path


def write_json(path: str | Path, document: Any) -> None:
    """Write ``document`` as indented JSON with a final newline."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON document.

    Raises
    ------
    UserError
        If the file is missing or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text())
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that writes it first") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: not JSON ({error}); delete it and run its stage again") from None
