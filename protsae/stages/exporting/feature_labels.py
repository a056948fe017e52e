"""What features are called in exported files."""

import pandas as pd

from protsae.run.run_places import feature_name


def feature_names(rows: pd.DataFrame, own_model: str) -> list[str]:
    """What `protsae show` calls features, from their rows of the feature table.

    Parameters
    ----------
    own_model : str
        The run's; names of its features go without it.

    Examples
    --------
    >>> rows = pd.DataFrame({"model": ["m", "onehot"], "layer": [6, 0], "variant": "topk"})
    >>> feature_names(rows.assign(feature=[246, 12]), "m")
    ['6/topk/246', 'onehot/0/topk/12']
    """
    columns = (rows[name].tolist() for name in ("model", "layer", "variant", "feature"))
    return [
        feature_name(layer, variant, feature, "" if model == own_model else model)
        for model, layer, variant, feature in zip(*columns, strict=True)
    ]


def titles(features: pd.DataFrame, own_model: str) -> list[str]:
    """The concept of each feature, else its label, else its name."""
    label = features["label"].where(features["label"] != "unknown")
    name = pd.Series(feature_names(features, own_model), features.index)
    found: list[str] = features["concept"].fillna(label).fillna(name).tolist()
    return found
