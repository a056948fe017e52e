"""The names of the splits, and whether a table keeps their rule; what nearly every stage reads."""

import pandas as pd

SPLITS = ("train", "valid", "test")
LEFT_OUT = "left out"
"""In place of a part: a protein that joins clusters of two parts, and is used nowhere."""

PARTS = (*SPLITS, LEFT_OUT)
"""All that the column ``split`` may hold."""


def check_splits(proteins: pd.DataFrame) -> list[str]:
    """Problems of a protein table with columns cluster and split; empty if there are none.

    Examples
    --------
    >>> check_splits(pd.DataFrame({"cluster": ["P1", "P1"], "split": ["train", "test"]}))
    ['cluster P1 is in train and test']
    """
    found = proteins.groupby("cluster", sort=True)["split"].unique()
    return [
        f"cluster {cluster} is in {' and '.join(s for s in PARTS if s in splits)}"
        for cluster, splits in found.items()
        if len(splits) > 1
    ]
