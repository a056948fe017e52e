"""effects.parquet, and the lines that say what is in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from protsae import __version__
from protsae.association.scoring.metrics import CALLED_Q
from protsae.interventions.effects.partners import REDUNDANT
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import write_table
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.stages.inputs.open_saes import StoredSae


def write_effects(
    folder: str | Path,
    table: pd.DataFrame,
    found: Mapping[str, StoredSae],
    cache: LayerCache,
    of_study: Mapping[str, Any],
) -> None:
    """Write the table of a layer, bound to its SAEs, activations, proteins and annotations.

    Parameters
    ----------
    of_study : mapping
        From `Study.stamp`.
    """
    Path(folder).mkdir(parents=True, exist_ok=True)
    measured = set(table["variant"])
    metadata = {
        "stage": "effects",
        **vars(cache.source),
        **of_study,
        "layer": cache.layer,
        "saes": {name: stored.sha256 for name, stored in found.items() if name in measured},
        "code_version": __version__,
    }
    write_table(Path(folder) / f"{EFFECTS.name}.parquet", table, EFFECTS, metadata)


def effect_lines(table: pd.DataFrame) -> list[str]:
    """Lines on each SAE: how many features change predictions, what edits say, and concepts.

    Parameters
    ----------
    table : DataFrame
        Rows of the table ``effects``.
    """
    lines = []
    for name, rows in table.groupby("variant", sort=False):
        tested = int(rows["effect_q_value"].notna().sum())
        called, needed, promoting, beyond = (
            int((rows[f"{kind}_q_value"] <= CALLED_Q).sum())
            for kind in ("effect", "necessity", "promotion", "covariance")
        )
        lines.append(
            f"{name}: of {tested:,} features active in enough clusters, {called:,} change "
            f"predictions more than random directions (q <= {CALLED_Q}), {needed:,} where they are "
            f"active and {promoting:,} where they are silent; {beyond:,} more than random "
            "directions with the covariance of the activations, too"
        )
        exact = rows[rows["ablation_kl"].notna()]
        if len(exact):
            # Of ranks, which is Spearman's; by that name pandas imports scipy.stats.
            agreement = exact["necessity_kl"].rank().corr(exact["ablation_kl"].rank())
            redundant = int((exact["redundancy_low"] > REDUNDANT).sum())
            lines.append(
                f"{name}: {len(exact)} features edited one by one; estimate and ablation correlate "
                f"with {agreement:.2f} (Spearman); {redundant} share what they do with a partner, "
                "so that ablating both does more than the sum"
            )
        if len(held := rows[rows["inside_kl"].notna()]):
            more = int((held["inside_kl_difference_low"] > 0).sum())
            less = int((held["inside_kl_difference_high"] < 0).sum())
            lines.append(
                f"{name}: {len(held):,} features are active with their concept and without in 5 "
                f"clusters or more; ablated, {more:,} change predictions more with it, {less:,} "
                "less (95 % interval of the difference)"
            )
    return lines
