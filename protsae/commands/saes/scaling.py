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
from typing import Any

import numpy as np
import pandas as pd

from protsae.io.saes.evaluations import read_evaluation
from protsae.io.table_files.parquet import write_tsv
from protsae.report.figures.sweep_figures import SCALED, write_pareto, write_scaling
from protsae.sae.evaluation.power_law import fit_power_law
from protsae.schema.evaluation_tables import EVALUATION, SCALING
from protsae.schema.table import conform

FITTED = ("fvu", "dead_fraction")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--evaluations", nargs="+", required=True, help="evaluation.json of SAEs")
    parser.add_argument("--output", required=True, help="folder for the table and the figures")


def run(args: argparse.Namespace) -> None:
    """Read, fit, draw."""
    evaluations = read_evaluations(args.evaluations)
    folder = Path(args.output)
    fits = fit_groups(evaluations)
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


def fit_groups(evaluations: pd.DataFrame) -> pd.DataFrame:
    """One row per parameter of the law of each model, layer, architecture and fitted column."""
    rows: list[dict[str, Any]] = []
    for (model, layer, architecture), group in evaluations.groupby(
        ["model", "layer", "architecture"], sort=False
    ):
        for y in FITTED:
            used = group[(group[y] > 0) & group["training_residues"].notna()]
            variables = {name: used[name].to_numpy(np.float64) for name, _ in SCALED}
            try:
                law = fit_power_law(variables, used[y].to_numpy(np.float64))
            except ValueError:
                continue
            of_fit = {"n_saes": law.n_points, "r_squared": law.r_squared}
            for parameter in zip(law.names, law.values, law.low, law.high, strict=True):
                named = dict(zip(("parameter", "value", "low", "high"), parameter, strict=True))
                of_group = {"model": model, "layer": layer, "architecture": architecture, "y": y}
                rows.append(of_group | named | of_fit)
    return conform(pd.DataFrame(rows, columns=SCALING.names), SCALING, "scaling.tsv")
