"""Which SAEs are frozen, and so baselines of the others: by their own metadata, ``freeze``."""

import pandas as pd

_SAE = ["model", "layer", "variant"]


def is_frozen(features: pd.DataFrame) -> pd.Series:
    """Whether each feature belongs to an SAE with a frozen part.

    Examples
    --------
    >>> is_frozen(pd.DataFrame({"freeze": ["none", "decoder", "soft"]})).tolist()
    [False, True, True]
    """
    return features["freeze"].ne("none").astype(bool)


def of_frozen(rows: pd.DataFrame, features: pd.DataFrame) -> pd.Series:
    """Whether each row is of a set of detectors that ``features`` says is frozen.

    Parameters
    ----------
    rows, features : DataFrame
        With model, layer and variant; features with ``freeze``, too.

    Examples
    --------
    >>> features = pd.DataFrame({"model": "m", "layer": 1, "variant": ["fixed", "topk"]})
    >>> features = features.assign(freeze=["decoder", "none"])
    >>> of_frozen(features.assign(layer=[1, 1]), features).tolist()
    [True, False]
    >>> of_frozen(features.assign(layer=[2, 2]), features).tolist()
    [False, False]
    """
    frozen = set(features.loc[is_frozen(features), _SAE].itertuples(index=False, name=None))
    keys = zip(*(rows[name] for name in _SAE), strict=True)
    return pd.Series([key in frozen for key in keys], index=rows.index, dtype=bool)
