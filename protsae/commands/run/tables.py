"""Join the tables of all layers into tables of the run: features, associations, summary.

Writes features.parquet and .tsv, best_features.parquet and .tsv, associations.parquet,
detectors.tsv and summary.tsv; docs/tables.md explains every column.

example:
  protsae tables --proteins results/proteins/proteins.parquet \\
    --annotations results/annotation/*/layer-* \\
    --evaluations results/sae/*/layer-*/*/evaluation.json \\
    --probes results/probes/*/layer-*/probes.parquet --references results/references.parquet \\
    --rules results/rules.parquet --rule-counts results/rule_counts.parquet --output results
"""

import argparse
from pathlib import Path

from protsae.run.run_parts import Parts
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.join_tables import join_tables
from protsae.stages.outputs.run_table_files import table_lines, write_run_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument(
        "--annotations", nargs="+", required=True, help="folders of annotate, of all layers"
    )
    parser.add_argument(
        "--evaluations", nargs="+", required=True, help="evaluation.json of all SAEs annotated"
    )
    parser.add_argument(
        "--stability",
        nargs="+",
        default=[],
        help="stability.parquet of the SAEs that were trained with several seeds",
    )
    parser.add_argument(
        "--effects", nargs="+", default=[], help="effects.parquet of the layers that have them"
    )
    parser.add_argument("--probes", nargs="+", required=True, help="probes.parquet of all layers")
    parser.add_argument("--references", required=True, help="references.parquet")
    parser.add_argument("--rules", required=True, help="rules.parquet")
    parser.add_argument(
        "--rule-counts", required=True, help="rule_counts.parquet, beside the rules"
    )
    parser.add_argument("--output", required=True, help="folder for the tables")


def run(args: argparse.Namespace) -> None:
    """Join, write, say the size of each table."""
    study = read_study(args.proteins)
    parts = Parts(
        annotations=args.annotations,
        evaluations=args.evaluations,
        probes=args.probes,
        references=args.references,
        rules=args.rules,
        rule_counts=args.rule_counts,
        stability=args.stability,
        effects=args.effects,
    )
    stamp, output = study.stamp(), Path(args.output)
    tables = join_tables(parts, study.proteins, stamp)
    write_run_tables(output, tables, stamp)
    for line in table_lines(tables, output):
        print(line)
