"""What a set of detectors finds on test, as handed from the scores to the tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse


@dataclass(frozen=True)
class Examined:
    """What a set of detectors finds on test.

    Attributes
    ----------
    pairs : DataFrame
        One row per candidate pair, by feature and concept; columns as in docs/tables.md.
    captured, capturing : ndarray of int, shape (n_resamplings,)
        Concepts whose best detector `reaches` them, and detectors that reach any concept, with
        clusters resampled.
    train_sample : csc_array, shape (n_residues, n_detectors)
        Activations that the thresholds come from.
    cluster_counts : DataFrame
        Of each detector's leading pair, and of the best detector of each concept by valid:
        feature, concept, cluster, tp and on, a row for each cluster with a residue on.
    """

    pairs: pd.DataFrame
    captured: np.ndarray
    capturing: np.ndarray
    train_sample: sparse.csc_array
    cluster_counts: pd.DataFrame

    @property
    def n_detectors(self) -> int:
        """Size of the set."""
        return int(self.train_sample.shape[1])

    @property
    def density(self) -> np.ndarray:
        """Share of the residues of the sample of train on which each detector is active."""
        return active_share(self.train_sample)


def active_share(activations: sparse.csc_array) -> np.ndarray:
    """Share of the rows in which each column has a value: float64, shape (n_columns,).

    Examples
    --------
    >>> active_share(sparse.csc_array(np.array([[2.0, 0], [1, 0], [0, 3], [0, 0]]))).tolist()
    [0.5, 0.25]
    """
    return np.diff(activations.indptr) / activations.shape[0]
