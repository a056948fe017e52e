"""effects.parquet, and the lines that say what is in it."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from protsae import __version__
from protsae.association.scoring.metrics import CALLED_Q
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import write_table
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.stages.inputs.open_saes import StoredSae
from protsae.stages.inputs.studied_proteins import Study


def write_effects(
    folder: str | Path,
    table: pd.DataFrame,
    found: Mapping[str, StoredSae],
    cache: LayerCache,
    study: Study,
) -> None:
    """Write the table of a layer, bound to its SAEs, activations and proteins."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    measured = set(table["variant"])
    metadata = {
        "stage": "effects",
        **vars(cache.source),
        **study.stamp(),
        "layer": cache.layer,
        "saes": {name: stored.sha256 for name, stored in found.items() if name in measured},
        "code_version": __version__,
    }
    write_table(Path(folder) / f"{EFFECTS.name}.parquet", table, EFFECTS, metadata)


def effect_lines(table: pd.DataFrame) -> list[str]:
    """One line an SAE: how many features change predictions more than random directions do."""
    lines = []
    for name, rows in table.groupby("variant", sort=False):
        tested = int(rows["necessity_p_value"].notna().sum())
        needed = int((rows["necessity_q_value"] <= CALLED_Q).sum())
        promoting = int((rows["promotion_q_value"] <= CALLED_Q).sum())
        exact = rows[rows["ablation_kl"].notna()]
        agreement = exact["necessity_kl"].corr(exact["ablation_kl"], method="spearman")
        lines.append(
            f"{name}: of {tested:,} features active in enough clusters, {needed:,} change "
            f"predictions where they are active and {promoting:,} where they are silent, more than "
            f"random directions (q <= {CALLED_Q}); estimate and ablation of {len(exact)} features "
            f"correlate with {agreement:.2f} (Spearman)"
        )
    return lines
