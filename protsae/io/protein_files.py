"""Proteins from a local file: UniProt JSON, Swiss-Prot flat text or FASTA, plain or gzipped."""

import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from protsae.errors import UserError
from protsae.io import fasta, swissprot, uniprot_json
from protsae.proteins import Feature, Protein

GZIP_MAGIC = b"\x1f\x8b"
_FORMATS = "UniProt JSON, Swiss-Prot flat text or FASTA, plain or gzipped"
_HEAD = 4096  # characters looked at to tell the format


@contextmanager
def open_text(path: str | Path, expected: str = _FORMATS) -> Iterator[TextIO]:
    """Open a text file, unpacking it if its first bytes (not its name) say gzip.

    Raises
    ------
    UserError
        If the file is missing, or, while it is read, if it turns out cut short, damaged or not
        UTF-8.
    """
    path = Path(path)
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise UserError(f"{path}: {what}; expected {expected}")
    with path.open("rb") as raw:
        packed = raw.read(2) == GZIP_MAGIC
        raw.seek(0)
        binary = gzip.GzipFile(fileobj=raw) if packed else raw
        with io.TextIOWrapper(binary, encoding="utf-8-sig") as text:
            try:
                yield text
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise UserError(
                    f"{path}: gzip data cut short or damaged ({error}); download the file again"
                ) from None
            except UnicodeDecodeError as error:
                raise UserError(f"{path}: not UTF-8 text ({error.reason})") from None


def read_proteins(
    path: str | Path,
    annotations: str | Path | None = None,
    unmatched: Counter[str] | None = None,
) -> Iterator[Protein]:
    """Read a file of proteins, one at a time, telling the format by how the text begins.

    Parameters
    ----------
    path : str or Path
        UniProt JSON (``{"results": [...]}``, a list or one entry), Swiss-Prot flat text or FASTA.
    annotations : str or Path, optional
        Tab-separated features of the proteins of a FASTA file; see `fasta.read_annotations`.
    unmatched : Counter, optional
        Receives, by feature type, the annotations whose accession the FASTA file does not have.

    Raises
    ------
    UserError
        If the file is missing, empty, damaged, or of none of these formats.
    """
    with open_text(path) as handle:
        head = handle.read(_HEAD).lstrip()
        handle.seek(0)
        if head.startswith(">"):
            yield from _read_fasta(handle, str(path), annotations, unmatched)
        elif annotations is not None:
            raise UserError(f"{annotations}: annotations go with FASTA, but {path} is not FASTA")
        elif head.startswith(("{", "[")):
            yield from uniprot_json.read_entries(handle, str(path))
        elif head.startswith("ID   "):
            yield from swissprot.read_entries(handle, str(path))
        else:
            found = f"begins with {head[:20]!r}" if head else "empty file"
            raise UserError(f"{path}: {found}; expected {_FORMATS}")


def _read_fasta(
    handle: TextIO,
    source: str,
    annotations: str | Path | None,
    unmatched: Counter[str] | None,
) -> Iterator[Protein]:
    features: dict[str, list[Feature]] = {}
    if annotations is not None:
        with open_text(annotations, "a tab-separated table") as table:
            features = fasta.read_annotations(table, str(annotations))
    left = set(features)
    for protein in fasta.read_entries(handle, source, features):
        left.discard(protein.accession)
        yield protein
    if unmatched is not None:
        unmatched.update(feature.type for accession in left for feature in features[accession])
