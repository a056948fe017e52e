"""JSON documents, written atomically and byte for byte the same from the same content."""

import json
import math
from pathlib import Path
from typing import Any

import xxhash

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.one_line import reason

CHECKSUM = "xxh3"
"""Last key of a document that protsae reads again: checksum of the lines above it."""

_MOST_BYTES = 2**26
"""Of a JSON file that protsae reads whole; its own are far smaller."""


def write_json(path: str | Path, document: Any, leftovers: bool = True) -> None:
    """Write ``document`` as indented JSON with a final newline; what is no number becomes null.

    Parameters
    ----------
    leftovers : bool
        As of `atomic_path`.
    """
    with atomic_path(path, leftovers) as temporary:
        temporary.write_text(_dumped(document) + "\n")


def write_document(path: str | Path, document: dict[str, Any]) -> None:
    """`write_json` with a checksum, for `read_document`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "d.json"
    >>> write_document(path, {"layer": 3})
    >>> print(path.read_text())
    {
      "layer": 3,
      "xxh3": "..."
    }
    <BLANKLINE>
    >>> read_document(path)
    {'layer': 3}
    """
    write_json(path, {**document, CHECKSUM: _checksum(document)})


def read_document(path: str | Path) -> dict[str, Any]:
    """Read what `write_document` wrote, without the checksum.

    Raises
    ------
    UserError
        If the file is missing, not JSON, or not what was written.
    """
    document = read_json(path)
    if not isinstance(document, dict) or CHECKSUM not in document:
        raise UserError(
            f"{path}: not a document that this release of protsae wrote (no {CHECKSUM!r}); run the "
            "stage that writes it again"
        )
    stated = document.pop(CHECKSUM)
    if stated != _checksum(document):
        raise UserError(
            f"{path}: changed since it was written: its checksum does not fit; run the stage that "
            "writes it again"
        )
    return document


def read_json(path: str | Path) -> Any:
    """Read a JSON document.

    Raises
    ------
    UserError
        If the file is missing, is too large for one, or is not JSON.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise UserError(
                f"{path}: {size:,} bytes; expected a JSON document of at most {_MOST_BYTES:,}"
            )
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run the stage that writes it first") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: not JSON ({reason(error)}); run its stage again") from None


def _checksum(document: dict[str, Any]) -> str:
    # Escapes of JSON may stand for half a character, in a damaged document.
    return xxhash.xxh3_128_hexdigest(_dumped(document).encode("utf-8", "surrogatepass"))


def _dumped(document: Any) -> str:
    return json.dumps(_without_nan(document), indent=2, ensure_ascii=False, allow_nan=False)


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
