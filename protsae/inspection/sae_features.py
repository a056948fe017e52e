"""The rows that a run's feature table has of one SAE."""

from pathlib import Path

import pandas as pd

from protsae.errors import UserError


def feature_rows_of(
    features: pd.DataFrame, model: str, layer: int, variant: str, n_features: int, results: Path
) -> pd.DataFrame:
    """Rows of the feature table of one SAE, in the order of its features.

    Parameters
    ----------
    results : Path
        For the message.

    Raises
    ------
    UserError
        If they are not those of its features.
    """
    is_own = (
        (features["model"] == model)
        & (features["layer"] == layer)
        & (features["variant"] == variant)
    )
    own = features[is_own].sort_values("feature").reset_index(drop=True)
    if own["feature"].tolist() != list(range(n_features)):
        raise UserError(
            f"{results / 'features.parquet'}: {len(own):,} rows of {model}, layer {layer}, "
            f"{variant}; expected its {n_features:,} features; run the tables stage again"
        )
    return own
