"""Say which features are active in your proteins and where, and how probable concepts are there.

Any proteins will do; they need no annotations. Each goes through the model and the SAEs of a run,
or of an atlas (protsae pack). The probability of a concept holds at a base rate, which is stated.
Writes predictions (by segment) and residues as .parquet and .tsv, predictions.json, segments (of
features) as .parquet, .tsv and .gff3, and explain.html, a page with tracks.

examples:
  protsae explain --sequence MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAV
  protsae explain --run results --fasta proteins.fasta.gz --layers 6 --only called --output mine
  protsae explain --atlas atlas.zip --fasta proteins.fasta --base-rates rates.tsv
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_protein_flags, add_threads_flag
from protsae.features.protein_segments import LEVELS
from protsae.io.atomic import validate_output_folder
from protsae.io.table_files.base_rate_files import read_base_rates
from protsae.report.explained_page import PAGE, open_page
from protsae.screen.explained_lines import protein_lines, said_at_end
from protsae.stages.atlas.open_atlas import read_atlas
from protsae.stages.explaining.explained_files import open_explained
from protsae.stages.explaining.given_proteins import given_proteins
from protsae.stages.explaining.given_rates import rates_line
from protsae.stages.explaining.invalid_records import InvalidRecords
from protsae.stages.run_object.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add_protein_flags(parser)
    add = parser.add_argument
    add("--invalid", choices=("error", "drop"), default="error", help="stop at a record that "
        "cannot be used, or drop and count it (default: %(default)s)")  # fmt: skip
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--run", default="results", metavar="RESULTS", help="(%(default)s)")
    source.add_argument("--atlas", metavar="ATLAS", help="an atlas instead of a run")
    add("--model", help="path or name of the ESM-2 (default: that of the run)")
    add("--base-rates", metavar="FILE", help="file from protsae base-rates")
    add("--layers", type=int, nargs="+", help="layers to use (default: all)")
    add("--saes", nargs="+", help="names of SAEs (default: all)")
    add("--only", choices=LEVELS, default="annotated", help="features whose segments to write: "
        "all, those with a concept, called for it (q ≤ 0.05), called for one that the sequence "
        "does not define, or above all baselines (default: %(default)s)")  # fmt: skip
    add("--output", default="explain", metavar="DIR", help="folder to write (%(default)s)")
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Explain one protein after another."""
    validate_output_folder(args.output)
    invalid = InvalidRecords(args.invalid == "drop")
    proteins = given_proteins(args.sequence, args.fasta, invalid)
    rates = read_base_rates(args.base_rates) if args.base_rates else {}
    source = read_atlas(args.atlas) if args.atlas else read_run(args.run)
    explainer = source.explainer(args.model, args.layers, args.saes, args.threads, rates)
    if rates:
        print(rates_line(args.base_rates, rates, explainer.saes.values()))
    wide = "annotated" if args.only == "above" else args.only
    about, path = {"stage": "explain", **explainer.made_from}, Path(args.output) / PAGE
    with open_explained(args.output, about) as writer, open_page(path, about) as page:
        for found in explainer.explained_each(proteins, wide):
            name, sequence, tables = found.name, found.sequence, (found.segments, found.predictions)
            print("\n".join(protein_lines(name, len(sequence), *tables, found.n_on)), flush=True)
            writer.append(found, args.only)
            page.append(name, sequence, *tables, found.residues)
    notes = [*page.notes, *writer.notes, *invalid.notes]
    print("\n".join(said_at_end(args.output, vars(writer), notes)))
