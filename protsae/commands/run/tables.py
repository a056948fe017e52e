"""Join the tables of all layers into those of the run: features, associations, summary.

Writes features.parquet, features.tsv, associations.parquet, detectors.tsv and summary.tsv;
docs/tables.md explains every column.

example:
  protsae tables --proteins results/proteins/proteins.parquet \\
    --annotations results/annotation/*/layer-* \\
    --evaluations results/sae/*/layer-*/*/evaluation.json \\
    --probes results/probes/*/layer-*/probes.parquet --references results/references.parquet \\
    --rules results/rules.parquet --rule-counts results/rule_counts.parquet --output results
"""

import argparse
from pathlib import Path

from protsae import __version__
from protsae.association.scoring.metrics import CALLED_Q
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.run.run_parts import Parts
from protsae.schema.feature_tables import FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.stages.join_tables import RunTables, join_tables


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        "--proteins", required=True, metavar="FILE", help="proteins.parquet, with the splits"
    )
    parser.add_argument(
        "--annotations",
        nargs="+",
        required=True,
        metavar="DIR",
        help="folders of the annotate stage, one per model and layer",
    )
    parser.add_argument(
        "--evaluations",
        nargs="+",
        required=True,
        metavar="FILE",
        help="evaluation.json of every SAE that those folders annotate",
    )
    parser.add_argument(
        "--probes",
        nargs="+",
        required=True,
        metavar="FILE",
        help="probes.parquet of every model and layer",
    )
    parser.add_argument("--references", required=True, metavar="FILE", help="references.parquet")
    parser.add_argument("--rules", required=True, metavar="FILE", help="rules.parquet")
    parser.add_argument(
        "--rule-counts", required=True, metavar="FILE", help="rule_counts.parquet, beside the rules"
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the tables")


def run(args: argparse.Namespace) -> None:
    """Join, write, say the size of each table."""
    output = Path(args.output)
    proteins, protein_set = read_split_proteins(args.proteins)
    study = study_stamp(proteins, protein_set)
    parts = Parts(
        args.annotations,
        args.evaluations,
        args.probes,
        args.references,
        args.rules,
        args.rule_counts,
    )
    tables = join_tables(parts, proteins, study)
    metadata = {"stage": "tables", **study, "code_version": __version__}
    for name in ("features", "detectors", "summary"):
        write_tsv(output / f"{name}.tsv", getattr(tables, name))
    texts = [output / f"{name}.tsv" for name in ("features", "detectors", "summary")]
    checksums = {"texts": text_checksums(*texts)}
    write_table(output / "features.parquet", tables.features, FEATURES, {**metadata, **checksums})
    write_table(output / "associations.parquet", tables.associations, ASSOCIATIONS, metadata)
    for line in result_lines(tables, output):
        print(line)


def result_lines(tables: RunTables, output: Path) -> list[str]:
    """What was written, and how many features have a finding."""
    significant = int(tables.summary["features_significant"].sum())
    defined = int(tables.summary["features_defined_by_sequence"].sum())
    above = int(tables.summary["features_above_baselines"].sum())
    return [
        f"wrote {output / 'features.parquet'} and .tsv: {len(tables.features):,} features, of "
        "which",
        f"  {significant:,} have a concept at a false discovery rate of {CALLED_Q:.0%} "
        f"({defined:,} one that a rule on the sequence defines) and",
        f"  {above:,} beat all baselines for theirs",
        f"wrote {output / 'associations.parquet'}: {len(tables.associations):,} pairs",
        f"wrote {output / 'detectors.tsv'}: {len(tables.detectors):,} sets of detectors",
        f"wrote {output / 'summary.tsv'}: {len(tables.summary):,} SAEs",
    ]
