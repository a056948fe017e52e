"""JSON documents, written atomically and byte for byte the same from the same content."""

import json
import math
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.atomic import atomic_path


def write_json(path: str | Path, document: Any, leftovers: bool = True) -> None:
    """Write ``document`` as indented JSON with a final newline; what is no number becomes null.

    Parameters
    ----------
    leftovers : bool
        As of `atomic_path`.
    """
    plain = _without_nan(document)
    text = json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path, leftovers) as temporary:
        temporary.write_text(text + "\n")


def _without_nan(value: Any) -> Any:
    """The same with None for NaN and infinity, which JSON does not have.

    Examples
    --------
    >>> _without_nan({"a": [1.5, float("nan")]})
    {'a': [1.5, None]}
    """
    if isinstance(value, dict):
        return {key: _without_nan(of_key) for key, of_key in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


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
