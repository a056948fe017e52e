"""Read further proteins, without annotations, for SAEs to train on beside the train split.

Left out are relatives of validation and test proteins, by the identity and coverage that made the
homology clusters; copies of annotated proteins and of each other; and what fetch would leave out.
Nothing but the embedding and the training of SAEs reads them.

example:
  protsae further --files more.fasta uniref.fasta.gz --proteins results/proteins/proteins.parquet \\
    --provenance results/proteins/provenance.json --output results/proteins/further.parquet
"""

import argparse

from protsae import __version__
from protsae.config.flags import add_threads_flag
from protsae.io.table_files.parquet import write_table
from protsae.io.table_files.proteins_table import APART_FROM, read_split_proteins, study_stamp
from protsae.provenance import file_sha256, protein_set_sha256
from protsae.schema.protein_tables import FURTHER
from protsae.stages.inputs.further_proteins import further_proteins, limits_of, split_settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--files", nargs="+", required=True, help="FASTA files of further proteins, plain or .gz"
    )
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument(
        "--provenance", required=True, help="provenance.json of fetch, whose limits also apply here"
    )
    parser.add_argument("--output", required=True, help="further.parquet to write")
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Read, leave out, write, and say how many of each."""
    proteins, protein_set = read_split_proteins(args.proteins)
    limits = limits_of(args.provenance, protein_set)
    split = split_settings_of(args.proteins)
    further, files = further_proteins(args.files, proteins, limits, split, args.threads, say=print)
    counts = [
        {
            "file": file.path,
            "sha256": file_sha256(file.path),
            "read": file.counts.read,
            "kept": file.counts.kept,
            "dropped": dict(sorted(file.counts.dropped.items())),
        }
        for file in files
    ]
    metadata = {
        "stage": "further",
        "settings": {"identity": split.identity, "coverage": split.coverage},
        "protein_set_sha256": protein_set_sha256(further["accession"], further["sequence"]),
        APART_FROM: study_stamp(proteins, protein_set),
        "files": counts,
        "code_version": __version__,
    }
    write_table(args.output, further, FURTHER, metadata)
    for file in files:
        print(file.line())
