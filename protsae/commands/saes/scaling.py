"""Show what sparsity costs and how error scales over the SAEs of a run; fit power laws.

Writes pareto.png (FVU and loss recovered against L0; mean ablation recovers 0), scaling.png (FVU
and dead features against width, L0 and training residues) and scaling.tsv: FVU = floor + scale x
product of powers, fitted for every model, layer and architecture that has SAEs enough, with 95 %
intervals. Dead features are fitted in the same way, where there are any.

example:
  protsae scaling --evaluations results/sae/*/layer-*/*/evaluation.json --output results/scaling
"""

import argparse
from pathlib import Path

import pandas as pd

from protsae.io.saes.evaluations import read_evaluation
from protsae.io.table_files.parquet import write_tsv
from protsae.report.figures.sweep_figures import write_pareto, write_scaling
from protsae.sae.evaluation.scaling_laws import fit_scaling_laws
from protsae.schema.saes.evaluation_tables import EVALUATION
from protsae.schema.saes.scaling_table import SCALING
from protsae.schema.table import conform


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--evaluations", nargs="+", required=True, help="evaluation.json of SAEs")
    parser.add_argument("--output", required=True, help="folder for the table and the figures")


def run(args: argparse.Namespace) -> None:
    """Read, fit, draw."""
    evaluations = read_evaluations(args.evaluations)
    folder = Path(args.output)
    fits = conform(fit_scaling_laws(evaluations), SCALING, "scaling.tsv")
    write_pareto(evaluations, folder / "pareto.png")
    write_scaling(evaluations, folder / "scaling.png")
    write_tsv(folder / "scaling.tsv", fits)
    n_fits = len(fits[["model", "layer", "architecture", "y"]].drop_duplicates())
    print(
        f"wrote {folder}/pareto.png, scaling.png and scaling.tsv: {len(evaluations)} SAEs, "
        f"{n_fits} fits"
    )


def read_evaluations(paths: list[str]) -> pd.DataFrame:
    """One row per SAE, columns as in summary.tsv.

    Raises
    ------
    UserError
        As `read_evaluation`.
    """
    documents = [read_evaluation(path) for path in paths]
    rows = [{name: document[name] for name in EVALUATION.names} for document in documents]
    return conform(pd.DataFrame(rows), EVALUATION, "evaluation.json")
