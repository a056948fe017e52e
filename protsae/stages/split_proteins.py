"""Homology clusters, and their division into train, valid and test."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.proteins_needed import annotated_residues, outlook_lines, proteins_needed
from protsae.config.stage_settings import ConceptSettings, SplitSettings
from protsae.io.mmseqs import MAX_EVALUE, cluster_sequences, find_links, search
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.proteins_table import read_previous_splits
from protsae.one_line import note
from protsae.proteins.split_names import LEFT_OUT, SPLITS
from protsae.proteins.splits import assign_splits, extend_splits, joining_clusters
from protsae.schema.protein_tables import RELATIVES
from protsae.stages.inputs.concept_inputs import read_all_concepts

NAMED = 10
"""Proteins named on the screen; all are in the table."""


def split_proteins(
    proteins: pd.DataFrame,
    protein_set: str,
    annotations: str | None,
    settings: SplitSettings,
    threads: int = 1,
    say: Callable[[str], None] = lambda line: None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cluster proteins by homology and divide whole clusters into train, valid and test.

    Parameters
    ----------
    proteins : DataFrame
        Columns accession and sequence, with the checksum ``protein_set``.
    annotations : str, optional
        annotations.parquet: clusters with each annotated concept are then balanced.
    settings : SplitSettings
        With ``previous``, its proteins keep their part and new ones join their relatives.
    threads : int
        Of MMseqs2; they do not change the result.
    say : function
        Told what became of the proteins of ``previous``.

    Returns
    -------
    proteins : DataFrame
        With the columns cluster, split and has_relative_in_train.
    relatives : DataFrame
        The best hit in train of each protein of valid and test that has one; columns as of
        `relatives` in docs/tables.md.

    Raises
    ------
    UserError
        If a file is damaged or of other proteins, or MMseqs2 fails.
    """
    if settings.previous:
        found = extended(proteins, settings, threads, say)
    else:
        found = divided(proteins, protein_set, annotations, settings, threads)
    relatives = relatives_in_train(found, threads)
    has_relative = found["accession"].isin(relatives["accession"])
    return found.assign(has_relative_in_train=has_relative), relatives


def divided(
    proteins: pd.DataFrame,
    protein_set: str,
    annotations: str | None,
    settings: SplitSettings,
    threads: int,
) -> pd.DataFrame:
    """The proteins with their clusters and parts, made for the first time."""
    sequences = proteins["sequence"].tolist()
    cluster = clusters_of(sequences, settings, threads)
    concepts: sparse.csr_array | None = None
    if annotations:
        concepts = annotated_residues(read_annotations_table(annotations, protein_set), proteins)
    split = assign_splits(
        cluster, sequences, settings.valid, settings.test, settings.seed, concepts
    )
    return proteins.assign(cluster=proteins["accession"].to_numpy()[cluster], split=split)


def extended(
    proteins: pd.DataFrame,
    settings: SplitSettings,
    threads: int,
    say: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """The proteins with their clusters and parts, where those of ``settings.previous`` keep theirs.

    A protein is an old one if both its accession and its sequence are there. ``say`` is told how
    many are, and which of them have a relative in another part.
    """
    previous = read_previous_splits(str(settings.previous))
    sequences = proteins["sequence"].tolist()
    found = proteins[["accession", "sequence"]].merge(previous, "left", ["accession", "sequence"])
    is_old = found["split"].notna().to_numpy()
    changed = proteins["accession"].isin(previous["accession"]).to_numpy() & ~is_old
    gone = ~previous["accession"].isin(proteins["accession"])
    text = (
        f"{settings.previous}: {is_old.sum():,} proteins keep their part, {(~is_old).sum():,} are "
        f"new ({changed.sum():,} of them with a changed sequence), {gone.sum():,} are gone"
    )
    say(note(text))
    cluster = clusters_of(sequences, settings, threads)
    old_split = found["split"].fillna("").to_numpy(dtype=object)
    joining = np.flatnonzero(joining_clusters(cluster, old_split))
    links = np.empty((0, 2), dtype=np.int64)
    if len(joining):
        members = [sequences[index] for index in joining]
        links = joining[find_links(members, settings.identity, settings.coverage, threads)]
    split, cluster = extend_splits(
        cluster,
        sequences,
        old_split,
        pd.factorize(found["cluster"])[0],
        links,
        settings.valid,
        settings.test,
        settings.seed,
    )
    faced = old_relatives(old_split, links)
    if len(faced):
        names = listed(proteins["accession"].iloc[faced].tolist())
        text = (
            f"{len(faced):,} proteins of {settings.previous} have a relative in another part by "
            f"these settings: {names}; they keep their part; without split.previous, they are "
            "divided anew"
        )
        say(note(text))
    return proteins.assign(cluster=proteins["accession"].to_numpy()[cluster], split=split)


def clusters_of(sequences: list[str], settings: SplitSettings, threads: int) -> np.ndarray:
    """Homology cluster of each sequence, as the settings want it."""
    return cluster_sequences(
        sequences,
        settings.identity,
        settings.coverage,
        cascade=settings.cascade,
        threads=threads,
    )


def old_relatives(old_split: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Indices of old proteins that are linked to an old one of another part.

    Examples
    --------
    >>> old = np.array(["train", "test", "", "test", "left out"], dtype=object)
    >>> old_relatives(old, np.array([[0, 1], [1, 2], [1, 3], [3, 4]])).tolist()
    [0, 1]
    """
    parts = old_split[links]
    faced = (parts[:, 0] != parts[:, 1]) & np.isin(parts, SPLITS).all(axis=1)
    return np.unique(links[faced])


def relatives_in_train(proteins: pd.DataFrame, threads: int) -> pd.DataFrame:
    """The best hit in train of each valid and test protein that has one; columns of RELATIVES."""
    train = proteins[proteins["split"] == "train"]
    queries = proteins[proteins["split"].isin(SPLITS[1:])]
    hits = search(queries["sequence"].tolist(), train["sequence"].tolist(), MAX_EVALUE, threads)
    best = {hit.query: hit for hit in reversed(hits)}
    rows = [
        {
            "accession": queries["accession"].iloc[index],
            "split": queries["split"].iloc[index],
            "relative": train["accession"].iloc[hit.target],
            "identity": hit.identity,
            "aligned": len(hit.query_row.replace("-", "")),
            "length": queries["length"].iloc[index],
            "e_value": hit.evalue,
        }
        for index, hit in sorted(best.items())
    ]
    return pd.DataFrame(rows, columns=RELATIVES.names)


def part_lines(proteins: pd.DataFrame) -> list[str]:
    """Sizes of the parts, and which proteins are in none."""
    lines = []
    for split in SPLITS:
        part = proteins[proteins["split"] == split]
        lines.append(
            f"{split}: {len(part):,} proteins, {part['length'].sum():,} residues, "
            f"{part['cluster'].nunique():,} homology clusters"
        )
    left_out = proteins.loc[proteins["split"] == LEFT_OUT, "accession"]
    if len(left_out):
        text = (
            f"{LEFT_OUT}: {len(left_out):,} proteins, as they join homology clusters of two parts: "
            f"{listed(left_out.tolist())}"
        )
        lines.append(note(text))
    return lines


def relative_lines(proteins: pd.DataFrame, path: str) -> list[str]:
    """How many proteins a search still finds a relative of in train."""
    counts = []
    for split in reversed(SPLITS[1:]):
        has = proteins.loc[proteins["split"] == split, "has_relative_in_train"]
        counts.append(f"{has.sum():,} of {len(has):,} {split} proteins")
    text = (
        f"{' and '.join(counts)} have a remote or partial relative in train, which a search at "
        f"E ≤ {MAX_EVALUE:g} finds: {path}"
    )
    return [note(text) if proteins["has_relative_in_train"].any() else text]


def scored_lines(
    annotations: str,
    proteins: pd.DataFrame,
    protein_set: str,
    settings: SplitSettings,
    chosen: ConceptSettings,
) -> list[str]:
    """What will be scored, what not and why, as a note; then how many proteins it would take."""
    table = read_all_concepts(annotations, proteins, protein_set, chosen)
    needed = proteins_needed(
        table.occurrence,
        int(proteins["split"].isin(SPLITS).sum()),
        (settings.valid, settings.test),
        chosen.min_residues,
        chosen.min_clusters,
    )
    lines = outlook_lines(len(table.concepts), table.reasons, needed)
    by_reason = [line.strip() for line in lines[1:] if line.startswith("  not ")]
    return [note("; ".join([lines[0], *by_reason])), *lines[1:]]


def listed(names: Sequence[str]) -> str:
    """The first ``NAMED`` names.

    Examples
    --------
    >>> listed([f"P{i}" for i in range(12)])
    'P0, P1, P2, P3, P4, P5, P6, P7, P8, P9 and 2 more'
    """
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
