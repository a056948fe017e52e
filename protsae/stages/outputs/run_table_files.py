"""The tables of a run, and what is said of them."""

from pathlib import Path
from typing import Any

from protsae import __version__
from protsae.association.frozen_saes import is_frozen
from protsae.association.scoring.metrics import CALLED_Q
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.schema.features.best_features_table import BEST_FEATURES
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.stages.join_tables import RunTables

TEXTS = ("features", "best_features", "detectors", "summary")
"""Tables that are written as tab-separated text."""


def write_run_tables(folder: Path, tables: RunTables, study: dict[str, Any]) -> None:
    """Write all tables; features.parquet has the checksums of the texts.

    Parameters
    ----------
    study : dict
        The `study_stamp` of the run's proteins.
    """
    metadata = {"stage": "tables", **study, **tables.made_from, "code_version": __version__}
    texts = [folder / f"{name}.tsv" for name in TEXTS]
    for name, path in zip(TEXTS, texts, strict=True):
        write_tsv(path, getattr(tables, name))
    with_texts = {**metadata, "texts": text_checksums(*texts)}
    write_table(folder / "features.parquet", tables.features, FEATURES, with_texts)
    write_table(folder / "best_features.parquet", tables.best_features, BEST_FEATURES, metadata)
    write_table(folder / "associations.parquet", tables.associations, ASSOCIATIONS, metadata)


def table_lines(tables: RunTables, folder: Path) -> list[str]:
    """What was written, and how many features have a finding."""
    significant = int(tables.summary["features_significant"].sum())
    defined = int(tables.summary["features_defined_by_sequence"].sum())
    subjects = tables.summary[~is_frozen(tables.summary)]
    above = int(subjects["features_above_baselines"].sum())
    return [
        f"wrote {folder / 'features.parquet'} and .tsv: {len(tables.features):,} features, of "
        "which",
        f"  {significant:,} have a concept at a false discovery rate of {CALLED_Q:.0%} "
        f"({defined:,} one that a rule on the sequence defines) and",
        f"  {above:,} beat all baselines for theirs",
        f"wrote {folder / 'best_features.parquet'} and .tsv: {len(tables.best_features):,} "
        "concepts",
        f"wrote {folder / 'associations.parquet'}: {len(tables.associations):,} pairs",
        f"wrote {folder / 'detectors.tsv'}: {len(tables.detectors):,} sets of detectors",
        f"wrote {folder / 'summary.tsv'}: {len(tables.summary):,} SAEs",
    ]
