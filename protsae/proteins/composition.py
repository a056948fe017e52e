"""Of which amino acids proteins are made."""

import numpy as np
import pandas as pd

from protsae.proteins.alphabet import STANDARD


def composition(sequences: pd.Series) -> np.ndarray:
    """Share of each of the 20 amino acids in each sequence: float64, shape (n_proteins, 20).

    Examples
    --------
    >>> composition(pd.Series(["AAC"])).round(2)[0, :3].tolist()
    [0.67, 0.33, 0.0]
    """
    counts = np.stack([sequences.str.count(letter) for letter in STANDARD], axis=1)
    shares: np.ndarray = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return shares
