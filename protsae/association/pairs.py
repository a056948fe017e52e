"""One chosen property and threshold per feature: counts by homology cluster, and a null."""

import numpy as np
from scipy import sparse

from protsae.association.scores import f1_score
from protsae.resampling import share_interval


def circular_shift(lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Row from which each residue takes its label when every protein is rotated at random.

    Each protein turns by its own offset, 1 to length - 1, so labels keep their lengths, spacing and
    protein but lose their place.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)
        Proteins stand one after another.

    Returns
    -------
    ndarray, dtype=int64, shape=(n_residues,)

    Examples
    --------
    >>> circular_shift(np.array([1, 2]), np.random.default_rng(0)).tolist()
    [0, 2, 1]
    """
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    offset = np.where(lengths > 1, rng.integers(1, np.maximum(lengths, 2)), 0)
    within = np.arange(lengths.sum()) - first
    shifted: np.ndarray = first + (within + np.repeat(offset, lengths)) % np.repeat(
        lengths, lengths
    )
    return shifted


class PairCounts:
    """Counts of chosen pairs; pair i is (feature[i], property_[i], threshold[i]).

    Parameters
    ----------
    feature, property_ : ndarray of int, shape (n_pairs,)
        Columns of the activations and of the labels.
    threshold : ndarray of float, shape (n_pairs,)
    n_clusters : int
    n_shifts : int
        Circular shifts for the null.
    seed : int
    """

    def __init__(
        self,
        feature: np.ndarray,
        property_: np.ndarray,
        threshold: np.ndarray,
        n_clusters: int,
        n_shifts: int,
        seed: int,
    ):
        self._feature, self._property, self._threshold = feature, property_, threshold
        self._rng = np.random.default_rng(seed)
        shape = (n_clusters, len(feature))
        self.true_positives = np.zeros(shape, dtype=np.int64)
        self.on = np.zeros(shape, dtype=np.int64)
        self.positives = np.zeros(shape, dtype=np.int64)
        self.shifted = np.zeros((n_shifts, len(feature)), dtype=np.int64)

    def update(
        self,
        activations: sparse.csc_array,
        labels: sparse.csr_array,
        cluster: np.ndarray,
        lengths: np.ndarray,
    ) -> None:
        """Add whole proteins.

        Parameters
        ----------
        activations : csc_array, shape (n_residues, n_features)
        labels : csr_array, shape (n_residues, n_properties)
        cluster : ndarray of int, shape (n_residues,)
        lengths : ndarray of int, shape (n_proteins,)
        """
        n_clusters, n_pairs = self.on.shape
        has_property = labels.toarray().astype(bool)
        chosen = sparse.csc_array(activations[:, self._feature])
        row, pair = chosen.tocoo().coords
        is_on = chosen.data > self._threshold[pair]
        row, pair = row[is_on].astype(np.int64), pair[is_on].astype(np.int64)
        column = self._property[pair]

        def by_cluster(rows: np.ndarray, pairs: np.ndarray) -> np.ndarray:
            place = cluster[rows] * n_pairs + pairs
            counts = np.bincount(place, minlength=n_clusters * n_pairs)
            return counts.reshape(n_clusters, n_pairs)

        hit = has_property[row, column]
        self.on += by_cluster(row, pair)
        self.true_positives += by_cluster(row[hit], pair[hit])
        member = sparse.csr_array(
            (np.ones(len(cluster), np.int64), (cluster, np.arange(len(cluster)))),
            shape=(n_clusters, len(cluster)),
        )
        self.positives += (member @ has_property.astype(np.int64))[:, self._property]
        for shifted in self.shifted:
            hit = has_property[circular_shift(lengths, self._rng)[row], column]
            shifted += np.bincount(pair[hit], minlength=n_pairs)

    def f1_interval(self) -> tuple[np.ndarray, np.ndarray]:
        """95 % interval of each pair's F1 over clusters, shapes (n_pairs,); NaN without any."""
        return share_interval(2 * self.true_positives, self.on + self.positives)

    def null_f1(self, percentile: float = 95.0) -> np.ndarray:
        """F1 under circular shifts: the given percentile over shifts, shape (n_pairs,)."""
        drawn = f1_score(self.shifted, self.on.sum(0), self.positives.sum(0))
        return np.percentile(drawn, percentile, axis=0)
