"""Cluster proteins by homology (MMseqs2) and divide whole clusters into train, valid and test.

example:
  protsae split --input results/proteins/fetched.parquet \\
    --output results/proteins/proteins.parquet --identity 0.3 --coverage 0.8
"""

import argparse

from protsae import __version__
from protsae.config import SplitSettings
from protsae.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.io.mmseqs import cluster_sequences
from protsae.io.proteins_table import COLUMNS, read_split_proteins
from protsae.io.tables import read_table, write_table
from protsae.provenance import protein_set_sha256
from protsae.split import SPLITS, assign_splits


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, help="fetched.parquet, from the fetch stage")
    parser.add_argument("--output", required=True, help="proteins.parquet to write")
    add_threads_flag(parser)
    add_flags(parser, SplitSettings)


def run(args: argparse.Namespace) -> None:
    """Cluster, assign, check."""
    settings = settings_from_flags(SplitSettings, args)
    proteins = read_table(args.input)
    cluster = cluster_sequences(
        proteins["sequence"].tolist(),
        settings.identity,
        settings.coverage,
        cascade=settings.cascade,
        threads=args.threads,
    )
    proteins["cluster"] = proteins["accession"].to_numpy()[cluster]
    proteins["split"] = assign_splits(
        cluster, proteins["length"].to_numpy(), settings.valid, settings.test, settings.seed
    )
    write_table(
        args.output,
        proteins[list(COLUMNS)],
        {
            "stage": "split",
            "settings": settings.model_dump(),
            "protein_set_sha256": protein_set_sha256(proteins["accession"], proteins["sequence"]),
            "code_version": __version__,
        },
    )
    read_split_proteins(args.output)  # the check that every later stage makes, here at its origin
    for split in SPLITS:
        part = proteins[proteins["split"] == split]
        print(
            f"{split}: {len(part):,} proteins, {part['length'].sum():,} residues, "
            f"{part['cluster'].nunique():,} homology clusters"
        )
