"""Remove a confounder from a probe of whole proteins by ablating features, or in other ways.

A probe of a label is trained on the mean layer activations of the run's train proteins. Features
that predict the confounder among proteins with the same label are ablated. Scores are from test,
with equal weights of the four combinations of label and confounder, and compared with those of
features at random, coordinates, directions, LEACE, and a probe that is trained with such weights. A
label or confounder is length, composition, taxon=ID, a column of --table, or a concept of the run.
Writes deconfounded.parquet and .tsv, a row for each arm, probe and number removed.

examples:
  protsae deconfound --sae 4/topk --label TRANSMEM --confounder length
  protsae deconfound --sae 6/topk --label SIGNAL --confounder taxon=559292
  protsae deconfound --sae 6/topk --table mine.tsv --label soluble --confounder thermophile
"""

import argparse
from pathlib import Path

from protsae.io.atomic import validate_output_folder
from protsae.io.table_files.growing_tables import growing_table
from protsae.schema.interventions.deconfounded_table import DECONFOUNDED
from protsae.schema.table import conform
from protsae.screen.interventions.deconfounded_lines import (
    arm_lines,
    data_lines,
    said_at_end,
    verdict_lines,
)
from protsae.stages.deconfounding.deconfound_run import about, sae_name
from protsae.stages.run_object.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("--sae", metavar="LAYER/SAE", required=True, help="SAE with the features: 6/topk")
    add("--label", metavar="LABEL", required=True, help="what the probe predicts")
    add("--confounder", metavar="LABEL", required=True, help="what it must not use")
    add("--table", metavar="FILE", help="tab-separated: accession, and columns of 0 and 1")
    add("--run", default="results", metavar="RESULTS", help="folder of the run (%(default)s)")
    add("--seed", type=int, default=0, help="for random draws (%(default)s)")
    add("--output", default="deconfound", metavar="DIR", help="folder to write (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Remove, score, write, say."""
    validate_output_folder(args.output)
    own = read_run(args.run)
    layer, variant = sae_name(args.sae)
    done = own.remove_confounder(
        layer, variant, args.label, args.confounder, args.table, seed=args.seed
    )
    rows = conform(done.found.table, DECONFOUNDED, "deconfounded")
    stated = about(own.results, own.model, args.sae, args.label, args.confounder, args.seed, done)
    with growing_table(Path(args.output), DECONFOUNDED, stated) as writer:
        writer.append(rows)
    cells = done.found.clusters_by_cell
    lines = data_lines(
        *(done.label.meaning, done.confounder.meaning, done.agreement, done.n_proteins, cells)
    )
    lines += ["", *arm_lines(rows), "", *verdict_lines(rows, done.found.features), ""]
    print("\n".join([*lines, *said_at_end(args.output)]))
