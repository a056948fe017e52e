"""Proteins and their features from a file of any format, as `protsae fetch` would keep them."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from protsae.config.stage_settings import FetchSettings
from protsae.errors import UserError
from protsae.io.progress import progress
from protsae.io.protein_files.any_format import MatchCounts, read_proteins
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.proteins_table import read_protein_set
from protsae.proteins.entry_features import FeatureCounts, select_features
from protsae.proteins.filters import ProteinCounts, filter_proteins
from protsae.schema.protein_tables import ANNOTATIONS

_PARQUET_MAGIC = b"PAR1"
_PROTEIN = ["accession", "organism", "sequence"]


def read_annotated(
    path: str | Path, annotations: str | Path | None, say: Callable[[str], None]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read proteins and the features that are concepts.

    Parameters
    ----------
    path : str or Path
        As of `read_proteins`; or fetched.parquet or proteins.parquet of a run.
    annotations : str or Path, optional
        A table of features beside FASTA; annotations.parquet beside a table of a run.
    say : function
        Told what was kept and what was not.

    Returns
    -------
    proteins : DataFrame
        accession, organism, sequence.
    features : DataFrame
        As in annotations.parquet: the columns of ``ANNOTATIONS``.

    Raises
    ------
    UserError
        If a file cannot be read, or annotations are of other proteins.
    """
    if _is_parquet(path):
        return _read_tables(path, annotations)
    # An entry in two files that were put together is the same entry.
    settings = FetchSettings(input=str(path), duplicate_accessions="first")
    kept, counts, matches = ProteinCounts(), FeatureCounts(), MatchCounts()
    read = progress(read_proteins(path, annotations, matches, say), f"reading {path}", "proteins")
    proteins, rows = [], []
    for protein in filter_proteins(read, settings, str(path), kept):
        proteins.append((protein.accession, protein.organism, protein.sequence))
        rows += [
            (protein.accession, f.type, f.description, f.start, f.end, f.evidence, f.certain)
            for f in select_features(protein, counts)
        ]
    say(f"proteins: {kept.kept:,} of {kept.read:,} kept{_listed(Counter(kept.dropped_by_name()))}")
    by_type = matches.unmatched.copy()
    for (name, _), n_features in counts.left_out.items():
        by_type[name] += n_features
    uncertain = sum(counts.uncertain.values())
    doubt = (
        f", and {uncertain:,} without exact ends, whose residues are unknown" if uncertain else ""
    )
    say(f"features: {sum(counts.kept.values()):,} kept{doubt}{_listed(by_type)}")
    if annotations is not None:
        say(f"  {annotations}: {matches}, {counts.outside()}")
    elif counts.beyond:
        say(f"  {counts.outside()}")
    return pd.DataFrame(proteins, columns=_PROTEIN), pd.DataFrame(rows, columns=ANNOTATIONS.names)


def _is_parquet(path: str | Path) -> bool:
    if not Path(path).is_file():
        return False
    with Path(path).open("rb") as file:
        return file.read(len(_PARQUET_MAGIC)) == _PARQUET_MAGIC


def _read_tables(
    path: str | Path, annotations: str | Path | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    if annotations is None:
        raise UserError(f"{path}: give its annotations.parquet with --annotations; found none")
    proteins, protein_set = read_protein_set(path)
    return proteins[_PROTEIN], read_annotations_table(annotations, protein_set)


def _listed(left_out: Counter[str]) -> str:
    if not left_out:
        return ""
    return "; left out: " + ", ".join(f"{n:,} {why}" for why, n in left_out.most_common())
