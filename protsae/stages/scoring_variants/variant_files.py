"""What `protsae variants` writes: a row for each mutant, and for each feature that it changes."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.schema.explained.variant_tables import VARIANT_FEATURES, VARIANTS
from protsae.schema.table import conform
from protsae.stages.explaining.opened_sae import OpenedSae
from protsae.stages.explaining.prediction_files import growing_table
from protsae.stages.scoring_variants.change_features import Changes, SaeKey, top_features
from protsae.stages.scoring_variants.score_mutants import worst

SHOWN = 5
"""Mutants that the screen tells of."""


def write_variants(
    folder: str | Path,
    scores: pd.DataFrame,
    changes: Iterable[Changes],
    saes: Mapping[SaeKey, OpenedSae],
    n_features: int,
    metadata: Mapping[str, Any],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write both tables as .parquet and .tsv, mutant by mutant; they appear at the end.

    Parameters
    ----------
    scores : DataFrame
        Of `scored_mutants`.
    changes : iterable of Changes
        Of some of these mutants; none where features were not asked for.
    saes : mapping of (layer, variant) to OpenedSae
    n_features : int
        Features of each mutant that are written, by how much they change.

    Returns
    -------
    variants, features : DataFrame
        Of features only the rows of the `SHOWN` mutants with the lowest masked log-odds: all may be
        many.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    name = str(scores["protein"].iloc[0])
    shown = set(scores["mutant"].iloc[worst(scores, SHOWN)])
    of_shown = [pd.DataFrame(columns=VARIANT_FEATURES.names)]
    summaries: dict[str, dict[str, float | int]] = {}
    with (
        growing_table(folder, VARIANTS, metadata) as variants_table,
        growing_table(folder, VARIANT_FEATURES, metadata) as features_table,
    ):
        for of_mutant in changes:
            mutant = str(of_mutant.nearby.mutant)
            summaries[mutant] = of_mutant.summary
            rows = top_features(of_mutant, saes, n_features).assign(protein=name)
            rows = conform(rows, VARIANT_FEATURES, name)
            features_table.append(rows)
            if mutant in shown:
                of_shown.append(rows)
        summary = pd.DataFrame.from_dict(summaries, orient="index", columns=list(_OF_CHANGES))
        variants = conform(scores.join(summary, on="mutant"), VARIANTS, name)
        variants_table.append(variants)
    return variants, pd.concat(of_shown, ignore_index=True)


_OF_CHANGES = ("feature_change", "layer_change", "n_lost", "n_gained")
