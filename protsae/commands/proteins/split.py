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
from pathlib import Path

from protsae import __version__
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, SplitSettings
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.io.table_files.proteins_table import read_protein_set, read_split_proteins
from protsae.schema.protein_tables import PROTEINS, RELATIVES
from protsae.schema.table import conform
from protsae.stages.split_proteins import part_lines, relative_lines, scored_lines, split_proteins


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
    proteins, relatives = split_proteins(
        proteins, protein_set, args.annotations, settings, args.threads, print
    )
    path = Path(args.output).parent / "relatives.tsv"
    write_tsv(path, conform(relatives, RELATIVES, str(path)))
    metadata = {
        "stage": "split",
        "settings": settings.model_dump(),
        "protein_set_sha256": protein_set,
        "texts": text_checksums(path),
        "code_version": __version__,
    }
    write_table(args.output, proteins[PROTEINS.names], PROTEINS, metadata)
    read_split_proteins(args.output)  # the check that every later stage makes, here at its origin
    for line in (*part_lines(proteins), *relative_lines(proteins, str(path))):
        print(line)
    if args.annotations:
        for line in scored_lines(args.annotations, proteins, protein_set, settings, concepts):
            print(line)
