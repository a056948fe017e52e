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
    n_active : ndarray of int, shape (n_detectors,)
        Residues of test on which each is active.
    train_sample : csc_array, shape (n_residues, n_detectors)
        Activations that the thresholds come from.
    cluster_counts : DataFrame
        Of each detector's leading pair, and of the best detector of each concept by valid:
        feature, concept, cluster, tp and on, a row for each cluster with a residue on.
    """

    pairs: pd.DataFrame
    captured: np.ndarray
    capturing: np.ndarray
    n_active: np.ndarray
    train_sample: sparse.csc_array
    cluster_counts: pd.DataFrame

    @property
    def n_detectors(self) -> int:
        """Size of the set."""
        return int(self.train_sample.shape[1])
