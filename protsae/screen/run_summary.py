"""The end of a run on one screen: findings, time and memory, and what to open."""

from pathlib import Path

import pandas as pd

from protsae.config.settings import Config
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.io.table_files.parquet import read_table
from protsae.run.layout import model_layers
from protsae.run.run_places import read_run_config
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.pair_tables import DETECTORS
from protsae.screen.run_findings import FEATURE_COLUMNS, finding_lines
from protsae.screen.stage_costs import cost_lines, read_costs


def summary_lines(results: str | Path) -> list[str]:
    """What a finished run found, what it took and what to open.

    Raises
    ------
    UserError
        If the folder is not that of a run, or a table is missing or damaged.
    """
    folder = Path(results)
    config = read_run_config(folder)
    features = read_bound_table(folder, FEATURES, FEATURE_COLUMNS)
    best = read_bound_table(folder, BEST_FEATURES)
    found = finding_lines(features, best, _read_detectors(folder, config))
    return [*found, *cost_lines(read_costs(folder)), *open_lines(folder)]


def open_lines(folder: Path) -> list[str]:
    """What to open of a results folder.

    Examples
    --------
    >>> for line in open_lines(Path("results")):
    ...     print(line)
    Open results/report.html         the page of the run
         results/best_features.tsv   the best feature of each concept; features.tsv has all features
    """
    return [
        f"Open {folder}/report.html         the page of the run",
        f"     {folder}/best_features.tsv   the best feature of each concept; features.tsv has all "
        "features",
    ]


def _read_detectors(folder: Path, config: Config) -> pd.DataFrame:
    paths = [
        folder / "annotation" / model / f"layer-{layer}" / "detectors.parquet"
        for model, layer in model_layers(config)
    ]
    return pd.concat([read_table(path, DETECTORS) for path in paths], ignore_index=True)
