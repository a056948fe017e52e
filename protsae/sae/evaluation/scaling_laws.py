"""Power laws of error over the SAEs of a run, group by group."""

import numpy as np
import pandas as pd

from protsae.sae.evaluation.power_law import fit_power_law

EXPLAINED = ("fvu", "dead_fraction")
"""Columns that are fitted."""

EXPLAINING = ("n_features", "l0", "training_residues")
"""Columns that they are fitted against."""

GROUP = ["model", "layer", "architecture"]


def fit_scaling_laws(evaluations: pd.DataFrame) -> pd.DataFrame:
    """`fit_power_law` for the SAEs of each model, layer and architecture, wherever they are enough.

    SAEs whose value is 0, or whose training residues are not known, are left out of a fit.

    Parameters
    ----------
    evaluations : DataFrame
        One row per SAE: the columns of ``GROUP``, ``EXPLAINED`` and ``EXPLAINING``.

    Returns
    -------
    DataFrame
        One row per parameter of a law: the columns of ``GROUP``, y (the column fitted), parameter,
        value, low, high, n_saes, r_squared.

    Examples
    --------
    >>> widths = np.array([1.0, 2, 4, 8, 16, 32])
    >>> saes = pd.DataFrame({"model": "m", "layer": 1, "architecture": "topk", "l0": 4.0,
    ...     "n_features": widths, "training_residues": 9, "fvu": 0.1 + 0.5 / widths,
    ...     "dead_fraction": 0.0})
    >>> fit_scaling_laws(saes)[["y", "parameter", "n_saes"]].values.tolist()
    [['fvu', 'floor', 6], ['fvu', 'scale', 6], ['fvu', 'n_features', 6]]
    """
    parts = [_empty()]
    for names, saes in evaluations.groupby(GROUP, sort=False):
        for y in EXPLAINED:
            used = saes[(saes[y] > 0) & saes["training_residues"].notna()]
            variables = {name: used[name].to_numpy(np.float64) for name in EXPLAINING}
            try:
                law = fit_power_law(variables, used[y].to_numpy(np.float64))
            except ValueError:  # too few
                continue
            of_group = dict(zip(GROUP, names, strict=True))
            fitted = {"parameter": law.names, "value": law.values, "low": law.low, "high": law.high}
            of_fit = {"n_saes": law.n_points, "r_squared": law.r_squared}
            parts.append(pd.DataFrame({**of_group, "y": y, **fitted, **of_fit}))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def _empty() -> pd.DataFrame:
    columns = [*GROUP, "y", "parameter", "value", "low", "high", "n_saes", "r_squared"]
    return pd.DataFrame(columns=columns)
