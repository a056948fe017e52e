"""Cluster proteins by homology (MMseqs2) and divide whole clusters into train, valid and test.

The first time, splits are balanced in residues and in clusters with each annotated concept. With
--previous, the proteins of an earlier table keep their split and new ones join that of their
relatives; a new protein that joins clusters of two splits is left out.

Also writes relatives.tsv: validation and test proteins with a relative in the training set that a
sensitive search finds below the identity or the coverage of a homology cluster.

example:
  protsae split --input results/proteins/fetched.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/proteins/proteins.parquet --identity 0.3 --coverage 0.8
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from protsae import __version__
from protsae.concepts.proteins_needed import annotated_residues, outlook_lines, proteins_needed
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, SplitSettings
from protsae.io.mmseqs import MAX_EVALUE, cluster_sequences, find_links, search
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.io.table_files.proteins_table import (
    read_previous_splits,
    read_protein_set,
    read_split_proteins,
)
from protsae.proteins.splits import LEFT_OUT, SPLITS, assign_splits, extend_splits, joining_clusters
from protsae.schema.protein_tables import PROTEINS, RELATIVES
from protsae.schema.table import conform
from protsae.stages.concept_inputs import read_all_concepts

NAMED = 10
"""Proteins named on the screen; all are in the table."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="fetched.parquet, from the fetch stage")
    parser.add_argument("--output", required=True, help="proteins.parquet to write")
    parser.add_argument(
        "--annotations",
        help="annotations.parquet: what is annotated is then balanced between the parts, and what "
        "will be scored is printed",
    )
    add_threads_flag(parser)
    add_flags(parser, SplitSettings)
    add_flags(parser, ConceptSettings)


def run(args: argparse.Namespace) -> None:
    """Cluster, assign, check, and say what can be scored."""
    settings = settings_from_flags(SplitSettings, args)
    concepts = settings_from_flags(ConceptSettings, args)
    proteins, protein_set = read_protein_set(args.input)
    if settings.previous:
        proteins = extended(proteins, settings, args.threads)
    else:
        proteins = divided(proteins, protein_set, args.annotations, settings, args.threads)
    relatives = relatives_in_train(proteins, args.threads)
    proteins["has_relative_in_train"] = proteins["accession"].isin(relatives["accession"])
    path = Path(args.output).parent / "relatives.tsv"
    write_tsv(path, conform(relatives, RELATIVES, str(path)))
    write_table(
        args.output,
        proteins[PROTEINS.names],
        PROTEINS,
        {
            "stage": "split",
            "settings": settings.model_dump(),
            "protein_set_sha256": protein_set,
            "texts": text_checksums(path),
            "code_version": __version__,
        },
    )
    read_split_proteins(args.output)  # the check that every later stage makes, here at its origin
    for line in (*part_lines(proteins), *relative_lines(proteins, str(path))):
        print(line)
    if args.annotations:
        for line in scored_lines(args.annotations, proteins, protein_set, settings, concepts):
            print(line)


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


def extended(proteins: pd.DataFrame, settings: SplitSettings, threads: int) -> pd.DataFrame:
    """The proteins with their clusters and parts, where those of ``settings.previous`` keep theirs.

    A protein is an old one if both its accession and its sequence are there.
    """
    previous = read_previous_splits(str(settings.previous))
    sequences = proteins["sequence"].tolist()
    found = proteins[["accession", "sequence"]].merge(previous, "left", ["accession", "sequence"])
    is_old = found["split"].notna().to_numpy()
    changed = proteins["accession"].isin(previous["accession"]).to_numpy() & ~is_old
    gone = ~previous["accession"].isin(proteins["accession"])
    print(
        f"{settings.previous}: {is_old.sum():,} proteins keep their part, {(~is_old).sum():,} are "
        f"new ({changed.sum():,} of them with a changed sequence), {gone.sum():,} are gone"
    )
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
        print(
            f"{len(faced):,} proteins of {settings.previous} have a relative in another part by "
            f"these settings: {names}; they keep their part; without split.previous, they are "
            "divided anew"
        )
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
        lines.append(
            f"{LEFT_OUT}: {len(left_out):,} proteins, as they join homology clusters of two parts: "
            f"{listed(left_out.tolist())}"
        )
    return lines


def relative_lines(proteins: pd.DataFrame, path: str) -> list[str]:
    """How many proteins a search still finds a relative of in train."""
    counts = []
    for split in reversed(SPLITS[1:]):
        has = proteins.loc[proteins["split"] == split, "has_relative_in_train"]
        counts.append(f"{has.sum():,} of {len(has):,} {split} proteins")
    return [
        f"{' and '.join(counts)} have a remote or partial relative in train, which a search at "
        f"E ≤ {MAX_EVALUE:g} finds: {path}"
    ]


def scored_lines(
    annotations: str,
    proteins: pd.DataFrame,
    protein_set: str,
    settings: SplitSettings,
    chosen: ConceptSettings,
) -> list[str]:
    """What will be scored, what not and why, and how many proteins it would take."""
    table = read_all_concepts(annotations, proteins, protein_set, chosen)
    needed = proteins_needed(
        table.occurrence,
        int(proteins["split"].isin(SPLITS).sum()),
        (settings.valid, settings.test),
        chosen.min_residues,
        chosen.min_clusters,
    )
    return outlook_lines(len(table.concepts), table.reasons, needed)


def listed(names: Sequence[str]) -> str:
    """The first ``NAMED`` names.

    Examples
    --------
    >>> listed([f"P{i}" for i in range(12)])
    'P0, P1, P2, P3, P4, P5, P6, P7, P8, P9 and 2 more'
    """
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
