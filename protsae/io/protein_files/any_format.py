"""Proteins from a local file: UniProt JSON, Swiss-Prot flat text or FASTA, plain or gzipped."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TextIO

from protsae.errors import UserError
from protsae.io.protein_files import fasta, swissprot
from protsae.io.protein_files.annotations_tsv import read_annotations
from protsae.io.protein_files.unread_formats import foreign_format
from protsae.io.text_files import open_text
from protsae.io.uniprot import uniprot_json
from protsae.one_line import cut, shown
from protsae.proteins.filters import LONGEST_NAME
from protsae.proteins.records import Feature, Protein

_FORMATS = "UniProt JSON, Swiss-Prot flat text or FASTA, plain or gzipped"
_HEAD = 4096  # characters looked at to tell the format
_BLANK = 1 << 20  # characters without text at the top of a file, at most


@dataclass
class MatchCounts:
    """How the annotations of a table fit the proteins of a FASTA file.

    Attributes
    ----------
    rows : int
        Annotations read.
    unmatched : Counter
        Those whose accession the FASTA file does not have, by feature type.
    here, there : str
        An accession of the table that the FASTA file does not have, and one of the FASTA file.
    """

    rows: int = 0
    unmatched: Counter[str] = field(default_factory=Counter)
    here: str = ""
    there: str = ""

    def __str__(self) -> str:
        """Number of annotations, and of those without a protein, with an example of each side."""
        here, there = (cut(name, LONGEST_NAME) for name in (self.here, self.there))
        names = f" (such as of {here}; a protein: {there})" if self.unmatched else ""
        return f"{self.rows:,} read, {self.unmatched.total():,} of no protein{names}"


def read_proteins(
    path: str | Path,
    annotations: str | Path | None = None,
    matches: MatchCounts | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Protein]:
    """Read a file of proteins, one at a time, telling the format by how the text begins.

    Parameters
    ----------
    path : str or Path
        UniProt JSON (``{"results": [...]}``, a list or one entry), Swiss-Prot flat text or FASTA.
    annotations : str or Path, optional
        Tab-separated features of the proteins of a FASTA file; see `read_annotations`.
    matches : MatchCounts, optional
        Receives, when all proteins are read, how the annotations fit them.
    say : function
        As of `open_text`.

    Raises
    ------
    UserError
        If the file is missing, empty, damaged, or of none of these formats; and at the end if there
        are annotations, but none of a protein.
    """
    with open_text(path, _FORMATS, say) as handle:
        head = _head(handle)
        handle.seek(0)
        foreign = foreign_format(head)
        if head.startswith(">") and not foreign:
            yield from _read_fasta(handle, str(path), annotations, matches or MatchCounts(), say)
        elif annotations is not None:
            raise UserError(f"{annotations}: annotations go with FASTA, but {path} is not FASTA")
        elif head.startswith(("{", "[")):
            yield from uniprot_json.read_entries(handle, str(path))
        elif head.startswith("ID   ") and not foreign:
            yield from swissprot.read_entries(handle, str(path))
        else:
            found = f"begins with {head[:20]!r}" if head else "empty file"
            looks = f", as {foreign}" if foreign else ""
            raise UserError(f"{path}: {found}{looks}; expected {_FORMATS}")


def _head(handle: TextIO) -> str:
    """First characters from the first that is not blank."""
    for _ in range(0, _BLANK, _HEAD):
        text = handle.read(_HEAD)
        if not text or not text.isspace():
            return text.lstrip()
    return ""


def _read_fasta(
    handle: TextIO,
    source: str,
    annotations: str | Path | None,
    matches: MatchCounts,
    say: Callable[[str], None],
) -> Iterator[Protein]:
    features: dict[str, list[Feature]] = {}
    if annotations is not None:
        with open_text(annotations, "a tab-separated table", say) as table:
            features = read_annotations(table, str(annotations))
    left = dict.fromkeys(features)
    for protein in fasta.read_entries(handle, source):
        matches.there = matches.there or protein.accession
        left.pop(protein.accession, None)
        yield replace(protein, features=tuple(features.get(protein.accession, ())))
    matches.rows = sum(map(len, features.values()))
    matches.here = next(iter(left), "")
    matches.unmatched.update(feature.type for name in left for feature in features[name])
    if features and len(left) == len(features):
        raise UserError(
            f"{annotations}: none of its {len(left):,} accessions is in {source}; found "
            f"{shown(matches.here)} in the table and {shown(matches.there)} in the FASTA file; "
            "name the proteins alike in both"
        )
