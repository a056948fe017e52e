"""Count how common each concept is among the residues of a file of proteins.

Precision and F1 depend on how common a concept is; recall and false-positive rate do not. annotate
gives F1 also at the base rates of such a file (--reference-rates): that of the proteins which you
mean to look at. Reads UniProt JSON, Swiss-Prot flat text or FASTA with a table of features, plain
or gzipped, as fetch does; or the fetched.parquet and annotations.parquet that fetch has written.
Concepts, and the residues of which they are known, are those that annotate scores.

example:
  protsae base-rates --input uniprot_sprot.dat.gz --output my_rates.tsv
  protsae base-rates --input results/proteins/fetched.parquet \\
    --annotations results/proteins/annotations.parquet --output my_rates.tsv
"""

import argparse

from protsae.concepts.concept_rates import concept_base_rates
from protsae.config.flags import add_flags, settings_from_flags
from protsae.config.stage_settings import BaseRateSettings
from protsae.io.protein_files.residue_labels import read_label_sets
from protsae.stages.inputs.annotated_proteins import read_annotated
from protsae.stages.outputs.counted_rates import CountedRates


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, metavar="FILE", help="proteins")
    parser.add_argument(
        "--annotations", metavar="FILE", help="annotations of a FASTA (TSV), or annotations.parquet"
    )
    parser.add_argument(
        "--note",
        nargs="+",
        default=[],
        metavar="TEXT",
        help="lines for the top of the file: where the proteins come from",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="the table, a TSV")
    add_flags(parser, BaseRateSettings)


def run(args: argparse.Namespace) -> None:
    """Read, count, write; says how many proteins there were."""
    settings = settings_from_flags(BaseRateSettings, args)
    proteins, annotations = read_annotated(args.input, args.annotations, print)
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    label_sets, _ = read_label_sets(settings.labels, sequences, print)
    rates = concept_base_rates(proteins, annotations, settings.evidence, label_sets)
    counted = CountedRates(rates, proteins, settings, args.input)
    counted.write(args.output, args.note)
    print(*counted.lines(args.output), sep="\n")
