"""SHAP values of a concept's probe beside attributions, on the layer that the probe reads."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from protsae.interventions.attribution.linear_shap import (
    feature_means,
    feature_weights,
    linear_shap,
)
from protsae.stages.attributing.opened_attribution import AttributedSae, ConceptProbe

_ROWS_TOGETHER = 4096
"""Background residues that are encoded at a time."""


def with_shap(
    table: pd.DataFrame, probe: ConceptProbe, sae: AttributedSae, site: int
) -> tuple[pd.DataFrame, float]:
    """Nodes with the column shap, and silent features of the site that have a SHAP value.

    Parameters
    ----------
    table : DataFrame
        All nodes of the probe's layer (`AttributedLayer`).
    site : int
        Residue of the output, in the pass.

    Returns
    -------
    table : DataFrame
        Features that are silent at the site follow, their ranks after all others, by the size of
        their SHAP value.
    expected : float
        Mean logit of the background.
    """
    weights_D, decoder_FD = probe.reading.weights_D, sae.decoder_FD.astype(np.float64)
    mean_F, mean_D = feature_means(_blocks(probe.background_ND), sae.encode)
    mean_error_D = mean_D - mean_F @ decoder_FD - sae.b_dec_D.numpy()
    at_site = (table["residue"] == site).to_numpy()
    is_error = table["feature"].isna().to_numpy()
    active = table.loc[at_site & ~is_error, "feature"].to_numpy(np.int64)
    codes_F = np.zeros(len(mean_F))
    codes_F[active] = table.loc[at_site & ~is_error, "activation"]
    weights_F = feature_weights(weights_D, decoder_FD)
    [phi_F] = linear_shap(weights_F, codes_F[None], mean_F)
    shap = np.full(len(table), np.nan)
    shap[at_site & ~is_error] = phi_F[active]
    # The gradient of a linear reading is its weights: an error's attribution is w . e.
    of_error = table.loc[at_site & is_error, "attribution"].to_numpy()
    shap[at_site & is_error] = of_error - weights_D @ mean_error_D
    silent = silent_rows(table, phi_F, active, site)
    expected = float(weights_D @ mean_D + probe.reading.bias)
    return pd.concat([table.assign(shap=shap), silent], ignore_index=True), expected


def has_large_shap(table: pd.DataFrame, n: int) -> np.ndarray:
    """The nodes with the largest SHAP values by size: bool.

    Examples
    --------
    >>> has_large_shap(pd.DataFrame({"shap": [0.5, np.nan, -2.0]}), 1).tolist()
    [False, False, True]
    """
    order = table["shap"].abs().dropna().sort_values(ascending=False, kind="stable")
    return np.asarray(table.index.isin(order.index[:n]))


def silent_rows(
    table: pd.DataFrame, phi_F: np.ndarray, active: np.ndarray, site: int
) -> pd.DataFrame:
    """Rows of the features that are not active at the site but have a SHAP value, by its size."""
    others = np.setdiff1d(np.flatnonzero(phi_F), active)
    others = others[np.argsort(-np.abs(phi_F[others]), kind="stable")]
    rank = np.arange(len(table) + 1, len(table) + 1 + len(others))
    feature = others.astype(np.float64)
    names = ["attribution", "gradient_attribution"]
    sums = table.dropna(subset="feature").groupby("feature")[names].sum()
    of_feature = sums.reindex(feature).fillna(0.0)
    return pd.DataFrame(
        {
            "rank": rank,
            "gradient_rank": rank,
            "feature": feature,
            "residue": site,
            "activation": 0.0,
            "length": 0.0,
            "attribution": 0.0,
            "gradient_attribution": 0.0,
            **{f"feature_{name}": of_feature[name].to_numpy() for name in names},
            "ablation": 0.0,
            "sampled": False,
            "shap": phi_F[others],
        }
    )


def _blocks(rows_ND: np.ndarray) -> Iterator[np.ndarray]:
    for first in range(0, len(rows_ND), _ROWS_TOGETHER):
        yield rows_ND[first : first + _ROWS_TOGETHER]
