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
from pathlib import Path

from protsae import __version__
from protsae.concepts.concept_rates import composition, concept_base_rates
from protsae.io.protein_files.residue_labels import read_label_sets
from protsae.io.table_files.base_rate_files import write_base_rates
from protsae.schema.concept_tables import BASE_RATES
from protsae.schema.table import conform
from protsae.stages.inputs.annotated_proteins import read_annotated


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--input", required=True, metavar="FILE", help="proteins")
    parser.add_argument(
        "--annotations", metavar="FILE", help="features of FASTA (TSV), or annotations.parquet"
    )
    parser.add_argument(
        "--evidence",
        choices=("all", "experimental"),
        default="all",
        help="UniProt features that count, as concepts.evidence (default: all)",
    )
    parser.add_argument(
        "--labels", nargs="+", default=[], metavar="FILE", help="files of other labels"
    )
    parser.add_argument(
        "--min-proteins",
        type=int,
        default=10,
        metavar="N",
        help="concepts in fewer proteins are left out, as their rate is little known (default: 10)",
    )
    parser.add_argument(
        "--note",
        nargs="+",
        default=[],
        metavar="TEXT",
        help="lines for the top of the file: where the proteins come from",
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="the table, a TSV")


def run(args: argparse.Namespace) -> None:
    """Read, count, write; says how many proteins there were."""
    proteins, annotations = read_annotated(args.input, args.annotations, print)
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    label_sets, _ = read_label_sets(args.labels, sequences, print)
    rates = concept_base_rates(proteins, annotations, args.evidence, label_sets)
    common = rates[rates["n_proteins"] >= max(1, args.min_proteins)]
    table = conform(common, BASE_RATES, args.output)
    write_base_rates(args.output, table, [*args.note, *composition(proteins), *_rules(args)])
    print(f"wrote {args.output}: {len(table):,} concepts, {len(proteins):,} proteins")
    if rare := int((rates["n_proteins"] > 0).sum()) - len(table):
        print(f"  {rare:,} concepts left out: in fewer than {args.min_proteins} proteins")


def _rules(args: argparse.Namespace) -> list[str]:
    labels = f"; labels of {', '.join(Path(path).name for path in args.labels)}" * bool(args.labels)
    return [
        f"input: {Path(args.input).name}; evidence: {args.evidence}{labels}",
        f"concepts in {args.min_proteins} proteins or more; counted by protsae {__version__}",
    ]
