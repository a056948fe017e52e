"""Whether one file of a run is what was written, and what it says of itself."""

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from protsae.config.yaml_text import read_yaml
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import check_activations
from protsae.io.hdf5.code_cache import check_codes
from protsae.io.json_files import read_document
from protsae.io.saes.evaluations import read_evaluation
from protsae.io.saes.sae_identity import read_identity, sae_sha256
from protsae.io.table_files.parquet import check_table, read_metadata
from protsae.io.table_files.proteins_table import (
    APART_FROM,
    read_further_proteins,
    read_protein_set,
    read_split_proteins,
    study_stamp,
)
from protsae.provenance import file_sha256
from protsae.schema.every_table import EVERY
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.schema.pair_tables import LAYER_ASSOCIATIONS

Stamp = dict[str, Any]
"""What a file says of itself: whose it is, and checksums of what it was made from."""

FURTHER_SET = "further_set_sha256"
"""Key of the checksum of the further proteins, in stamps here."""

_TABLES = {table.name: table for table in EVERY}
_OF_LAYERS = {table.name: table for table in (LAYER_FEATURES, LAYER_ASSOCIATIONS)}


def check_file(results: Path, name: str) -> Stamp:
    """Read a whole file of a run; what it says of itself.

    Parameters
    ----------
    name : str
        Path in the results folder, one that `stage_files` names.

    Raises
    ------
    UserError
        If it is damaged, of another format, or does not hold what its name says.
    """
    path = results / name
    if not path.is_file():
        raise UserError(f"{path}: missing")
    return _check(PurePosixPath(name))(path)


def _check(name: PurePosixPath) -> Callable[[Path], Stamp]:
    """How a file of this name is checked."""
    of_folder: dict[str, Callable[[Path], Stamp]] = {
        "activations": check_activations,
        "codes": check_codes,
    }
    of_name: dict[str, Callable[[Path], Stamp]] = {
        "proteins.parquet": _check_proteins,
        "further.parquet": _check_further,
        "fetched.parquet": lambda path: {"protein_set_sha256": read_protein_set(path)[1]},
        "annotations.parquet": lambda path: {
            **_check_table(path),
            "annotations_sha256": file_sha256(path),
        },
        "protsae.json": lambda path: {
            **read_identity(path.parent),
            "sae_sha256": sae_sha256(path.parent),
        },
        "evaluation.json": read_evaluation,
        "provenance.json": read_document,
        "matches.json": read_document,
    }
    of_ending: dict[str, Callable[[Path], Stamp]] = {
        ".parquet": _check_layer_table if name.parts[0] == "annotation" else _check_table,
        ".pt": _check_checkpoint,
        ".png": _check_image,
        ".html": _check_page,
        ".yaml": read_yaml,
    }
    found = of_folder.get(name.parts[0]) or of_name.get(name.name) or of_ending.get(name.suffix)
    # Texts and weights: their checksums stand in a file beside them.
    return found or (lambda path: {"sha256": file_sha256(path)})


def _check_proteins(path: Path) -> Stamp:
    proteins, protein_set = read_split_proteins(path)
    lengths = dict(zip(proteins["accession"], proteins["length"].tolist(), strict=True))
    train = sorted(proteins.loc[proteins["split"] == "train", "accession"])
    stamp = {**read_metadata(path), **study_stamp(proteins, protein_set)}
    return {**stamp, "lengths": lengths, "train": train}


def _check_further(path: Path) -> Stamp:
    further, further_set = read_further_proteins(path)
    lengths = dict(zip(further["accession"], further["length"].tolist(), strict=True))
    stamp = read_metadata(path)
    return {**stamp, **stamp[APART_FROM], FURTHER_SET: further_set, "lengths": lengths}


def _check_table(path: Path) -> Stamp:
    return check_table(path, _TABLES[path.stem])[0]


def _check_layer_table(path: Path) -> Stamp:
    stamp, places = check_table(path, _OF_LAYERS.get(path.stem, _TABLES[path.stem]))
    for key in ("model", "layer"):
        if places[key] - {stamp[key]}:
            raise UserError(f"{path}: rows of another {key} than the {stamp[key]} that it states")
    return stamp


def _check_checkpoint(path: Path) -> Stamp:
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except (zipfile.BadZipFile, EOFError, zlib.error, OSError) as error:
        raise UserError(f"{path}: damaged ({error}); run the randomise stage again") from None
    if damaged:
        raise UserError(f"{path}: damaged ({damaged}); run the randomise stage again")
    return {"sha256": file_sha256(path)}


def _check_image(path: Path) -> Stamp:
    from PIL import Image  # comes with matplotlib

    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError) as error:
        raise UserError(f"{path}: damaged ({error}); run the scaling stage again") from None
    return {}


def _check_page(path: Path) -> Stamp:
    if not path.read_bytes().rstrip().endswith(b"</html>"):
        raise UserError(f"{path}: cut short; run the report stage again")
    return {}
