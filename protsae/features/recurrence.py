"""Whether a feature recurs: whether the same training finds it with every other seed."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from protsae.association.run_tables import is_above
from protsae.association.scoring.metrics import CALLED_Q
from protsae.statistics.cluster_intervals import MIN_CLUSTERS

LEAST_CORRELATION = 0.5**0.5
"""From here on, two features explain half of each other's variance, or more."""

SPREAD_QUANTILE = 0.95
"""Share of the features for which two draws of the null differ by less than what is asked for."""

MEANS = {
    "stability": "correlation",
    "random_stability": "random_correlation",
    "exchanged_stability": "exchanged_correlation",
    "stability_cosine": "cosine",
    "random_stability_cosine": "random_cosine",
    "variance_share": "variance_share",
}
"""Columns of the feature table that are means over seeds, of these of the stability table."""

_SAE = ["model", "layer", "variant"]
_FEATURE = [*_SAE, "feature"]


def feature_stability(matches: pd.DataFrame) -> pd.DataFrame:
    """One row per feature with ``MEANS`` and whether it ``recurs``.

    A feature recurs if its best match in every other seed

    - correlates with it by ``LEAST_CORRELATION`` or more, and
    - by more than its best matches under the null do, in random dictionaries and in codes of
      exchanged proteins, by a margin: as much as two random dictionaries differ in for 95 % of the
      features of the SAE. Correlations are compared as artanh r, on which scale they scatter alike
      near 0 and near 1.

    So a feature does not recur for being common: where random directions have it as well, the other
    seeds tell nothing. Whether one recurs that is active in fewer than 10 homology clusters of test
    is not known: one protein that both SAEs have learned by heart would do.

    Parameters
    ----------
    matches : DataFrame
        The stability table (docs/tables.md).

    Returns
    -------
    DataFrame
        model, layer, variant, feature, the columns of ``MEANS`` (empty for features that do not
        vary on test), and recurs: 1, 0, or empty where it is not known.

    Examples
    --------
    The third has a high correlation, and random directions have it, too:

    >>> rows = pd.DataFrame({"feature": [0, 1, 2] * 2, "seed": [1] * 3 + [2] * 3})
    >>> rows["correlation"] = [0.9, 0.6, 0.9] * 2
    >>> rows["random_correlation"] = [0.4, 0.4, 0.9, 0.41, 0.41, 0.9]
    >>> rows = rows.assign(exchanged_correlation=0.1, cosine=0.9, random_cosine=0.3)
    >>> rows = rows.assign(variance_share=0.01, active_clusters=12)
    >>> found = feature_stability(rows.assign(model="m", layer=1, variant="topk"))
    >>> found[["stability", "recurs"]].round(3).values.tolist()
    [[0.9, 1], [0.6, 0], [0.9, 0]]
    """
    z = {name: _artanh(matches[name]) for name in ("correlation", *_NULLS)}
    keys = [matches[name] for name in _FEATURE]
    drawn = z["random_correlation"].groupby(keys, sort=False)
    spread = drawn.transform("max") - drawn.transform("min")
    margin = spread.groupby(keys[:-1], sort=False).transform(
        lambda values: values.quantile(SPREAD_QUANTILE)
    )
    null = pd.concat([z[name] for name in _NULLS], axis=1).max(axis=1)
    null = null.groupby(keys, sort=False).transform("max").fillna(0)
    found = matches["correlation"] >= LEAST_CORRELATION
    found &= z["correlation"] > null + margin.fillna(0)
    by_feature = matches.assign(found=found).groupby(_FEATURE, sort=False)
    table = by_feature[list(MEANS.values())].mean()
    known = by_feature["active_clusters"].min() >= MIN_CLUSTERS
    recurs = by_feature["found"].all().astype("Int64").where(known)
    named = table.rename(columns={column: name for name, column in MEANS.items()})
    return named.assign(recurs=recurs).reset_index()


_NULLS = ("random_correlation", "exchanged_correlation")


def _artanh(correlation: pd.Series) -> pd.Series:
    """Of values in [-1, 1], those of 1 a little below it."""
    near = correlation.astype("float64").clip(-1 + 1e-9, 1 - 1e-9)
    return pd.Series(np.arctanh(near.to_numpy()), index=near.index)


def with_stability(features: pd.DataFrame, matches: pd.DataFrame) -> pd.DataFrame:
    """Features with `feature_stability`, empty for SAEs of one seed."""
    if matches.empty:
        nothing = pd.array([pd.NA] * len(features), dtype="Int64")
        return features.assign(**dict.fromkeys(MEANS, np.nan), recurs=nothing)
    return features.merge(feature_stability(matches), on=_FEATURE, how="left", validate="1:1")


def by_recurrence(features: pd.DataFrame) -> pd.DataFrame:
    """Features that recur beside those that do not, of each SAE with several seeds.

    Parameters
    ----------
    features : DataFrame
        As in docs/tables.md.

    Returns
    -------
    DataFrame
        model, layer, variant and recurs (1, 0, or empty: not known), n_features, n_called (for a
        concept that the sequence does not define), n_above all baselines, f1 (the median of those
        called), and variance_share, the sum.
    """
    own = features[features["stability_cosine"].notna()]
    called = (own["q_value"] <= CALLED_Q).fillna(False) & own["defined_by_sequence"].eq(0)
    called = called.fillna(False).astype(bool)
    rows = own.assign(
        called=called, above=is_above(own), called_f1=own["f1"].astype("float64").where(called)
    )
    groups = rows.groupby([*_SAE, "recurs"], sort=False, dropna=False)
    found = groups.agg(
        n_features=("feature", "size"),
        n_called=("called", "sum"),
        n_above=("above", "sum"),
        f1=("called_f1", "median"),
        variance_share=("variance_share", "sum"),
    )
    return found.reset_index().sort_values([*_SAE, "recurs"], ascending=[True] * 3 + [False])


def recurrence_words(row: pd.Series | Mapping[Any, Any]) -> str:
    """What other seeds say of a feature, for a line of text; empty if nothing, or if it recurs.

    Examples
    --------
    >>> row = {"recurs": 0, "stability": 0.43, "random_stability": 0.2}
    >>> recurrence_words(pd.Series(row))
    'other seeds do not find it (correlation 0.43)'
    >>> recurrence_words(pd.Series(row | {"stability": 0.97, "random_stability": 0.96}))
    'random directions find it as other seeds do (correlation 0.96, 0.97)'
    """
    if pd.isna(row["recurs"]) or row["recurs"] == 1:
        return ""
    if row["stability"] < LEAST_CORRELATION or pd.isna(row["stability"]):
        return f"other seeds do not find it (correlation {row['stability']:.2f})"
    null = row["random_stability"]
    if null >= LEAST_CORRELATION:
        return (
            f"random directions find it as other seeds do (correlation {null:.2f}, "
            f"{row['stability']:.2f})"
        )
    return f"not every other seed finds it (correlation {row['stability']:.2f})"
