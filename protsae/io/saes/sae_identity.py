"""protsae.json: what an SAE is, and the checksums of its files, so that no others pass for them."""

from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.json_files import read_document, write_document
from protsae.provenance import file_sha256, settings_sha256

FORMAT = "protsae-sae"
FORMAT_VERSION = 3
UNKNOWN = "unknown"
"""In place of a checksum, for an SAE that another program trained."""
IDENTITY, WEIGHTS, CONFIG = "protsae.json", "sae_weights.safetensors", "cfg.json"


def write_identity(folder: Path, source: dict[str, Any]) -> None:
    """Write ``protsae.json`` beside the files of an SAE, which are all there by now."""
    write_document(
        folder / IDENTITY,
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "sha256": {name: file_sha256(folder / name) for name in (WEIGHTS, CONFIG)},
            **source,
        },
    )


def read_identity(folder: str | Path) -> dict[str, Any]:
    """What `write_identity` wrote, if the files are still those.

    Raises
    ------
    UserError
        If a file is missing, not of this format, or not the one that was written.
    """
    path = Path(folder) / IDENTITY
    document = read_document(path)
    found = document.get("format"), document.get("format_version")
    if found != (FORMAT, FORMAT_VERSION):
        raise UserError(
            f"{path}: format {found[0]} version {found[1]}; expected {FORMAT} version "
            f"{FORMAT_VERSION}; train again"
        )
    for name, expected in document["sha256"].items():
        _validate_file(path.with_name(name), expected)
    return document


def sae_sha256(folder: str | Path) -> str:
    """Checksum of all that what an SAE encodes depends on: ``protsae.json``, which has that of the
    weights."""
    return file_sha256(Path(folder) / IDENTITY)


def train_set_sha256(accessions: set[str]) -> str:
    """Checksum of which proteins are in train, whatever their order."""
    return settings_sha256(sorted(accessions))


def _validate_file(path: Path, expected: str) -> None:
    """Raise UserError unless a file has the checksum that protsae.json says."""
    if not path.is_file():
        raise UserError(f"{path}: no such file, but {IDENTITY} is there; train again")
    found = file_sha256(path)
    if found != expected:
        raise UserError(
            f"{path}: sha256 {found[:12]}; expected {expected[:12]}, as {IDENTITY} says: damaged "
            "or of another SAE; copy both again, or train again"
        )
