"""Where in proteins each feature is on: lengths and spacings of runs, ends, homology clusters."""

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.metrics import ratio
from protsae.association.scoring.thresholds import positive_quantiles
from protsae.features.pattern_kinds import kinds
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import effective_clusters

LEVEL_QUANTILE = 0.9
"""Quantile of a feature's positive activations that counts as its level: high, yet no outlier."""
ON_SHARE = 0.1
"""On is above this share of the level. InterProt sees a gap in a motif below a tenth of the peak.
Low, as a long segment whose activation wavers should stay one run; not 0, as a trace of activation
between two runs should not join them."""
MASS_UNITS = 16
"""Activation mass is counted in 1 / 16 of the on-threshold: whole numbers, whose sums are exact."""
WHOLE = 0.8
"""A protein with this share of its residues on is on as a whole (the value of InterProt)."""
TERMINAL_RESIDUES = 30
"""Residues that count as an end. Signal peptides have 23 on average in eukaryotes, 25 and 32 in
Gram-negative and -positive bacteria (Nielsen et al., Protein Eng. 10, 1, 1997)."""
TERMINAL_FRACTION = 4
"""An end is also at most a quarter of the chain, so that chance puts at most about 1/4 there."""
MIN_RUNS = 3
"""Runs in a protein that show a spacing: two spacings to compare."""
MAX_VARIATION = 0.25
"""Largest coefficient of variation of a stable spacing. 3 and 4 in turn (3.6 residues to a turn of
a helix) have 0.14; two spacings at random are this stable in a quarter of cases."""
BLOCK_FEATURES = 256
"""Features whose cluster sums are held densely at a time."""


def on_thresholds(activations: sparse.csc_array) -> np.ndarray:
    """Activation above which each feature is on: a tenth of its 0.9-quantile, where positive.

    It moves with the scale of a feature, so that what is on does not depend on it.

    Parameters
    ----------
    activations : csc_array, shape (n_residues, n_features)
        Only positive values stored.

    Returns
    -------
    ndarray, dtype=float32, shape=(n_features,)
        Infinity for a feature that is never active.

    Examples
    --------
    >>> x = np.zeros((11, 2), np.float32)
    >>> x[:10, 0] = np.arange(1, 11)
    >>> on_thresholds(sparse.csc_array(x)).round(3).tolist()
    [0.8999999761581421, inf]
    """
    level = positive_quantiles(activations, [LEVEL_QUANTILE])[0]
    return level * np.float32(ON_SHARE)


class ActivationPatterns:
    """Where in proteins each feature is on; updates may come in any order and grouping.

    A run is a maximal segment of residues of one protein at which the feature is on. All sums are
    of whole numbers, so that the results do not depend on the grouping in any bit.

    Memory: the counts of each (feature, run length) and (feature, spacing) that occur, and the mass
    of each (cluster, feature) that occurs.

    Parameters
    ----------
    threshold : ndarray of float, shape (n_features,)
        From ``on_thresholds``; above 0.
    n_clusters : int
        Homology clusters.

    Raises
    ------
    ValueError
        For a threshold that is not above 0.

    Examples
    --------
    Two proteins of 4 and 3 residues; runs of 2 and 1 in the first, of 3 in the second:

    >>> patterns = ActivationPatterns(np.array([0.5]), n_clusters=2)
    >>> x = sparse.csc_array(np.array([[1.0], [2], [0], [1], [1], [1], [1]]))
    >>> patterns.update(x, lengths=np.array([4, 3]), cluster=np.array([0, 1]))
    >>> table = patterns.table()
    >>> table[["prevalence", "run_median", "run_n50"]].iloc[0].tolist()
    [1.0, 2.0, 2.0]
    >>> round(float(table["active_share"].iloc[0]), 3)
    0.857
    """

    def __init__(self, threshold: np.ndarray, n_clusters: int):
        if not (threshold > 0).all():
            bad = int((~(threshold > 0)).argmax())
            raise ValueError(f"feature {bad}: threshold {threshold[bad]}, expected above 0")
        self._threshold = threshold
        n_features = len(threshold)
        widest = np.iinfo(np.int32).max
        self._runs = sparse.csr_array((n_features, widest), dtype=np.int64)
        self._spacings = sparse.csr_array((n_features, widest), dtype=np.int64)
        self._mass = sparse.csr_array((n_clusters, n_features), dtype=np.int64)
        self._seen = np.zeros(n_clusters, dtype=bool)
        self._n_proteins = 0
        # Sums over proteins in which a feature is on.
        self._proteins, self._on, self._residues = np.zeros((3, n_features), dtype=np.int64)
        self._at_start, self._at_end = np.zeros((2, n_features), dtype=np.int64)
        self._on_whole, self._on_repeated, self._on_regular = np.zeros(
            (3, n_features), dtype=np.int64
        )

    def update(
        self, activations: sparse.csc_array, lengths: np.ndarray, cluster: np.ndarray
    ) -> None:
        """Add whole proteins, which stand one after another.

        Parameters
        ----------
        activations : csc_array, shape (n_residues, n_features)
            None negative.
        lengths, cluster : ndarray of int, shape (n_proteins,)
            Residues, and homology cluster, of each protein.
        """
        if not activations.has_sorted_indices:
            activations = activations.sorted_indices()
        self._n_proteins += len(lengths)
        self._seen[cluster] = True
        stored = np.diff(activations.indptr)
        is_on = activations.data > np.repeat(self._threshold, stored)
        row, value = activations.indices[is_on], activations.data[is_on]
        if not len(row):
            return
        feature = ragged.groups(stored, np.int32)[is_on]
        protein = ragged.groups(lengths, np.int32)[row]

        # Sorted by feature, then row: a feature's residues in one protein are neighbours ("visit"),
        # and so are those of a run within it.
        new_visit = ragged.changes(feature, protein)
        new_run = new_visit.copy()
        new_run[1:] |= row[1:] != row[:-1] + 1
        visit, run = np.flatnonzero(new_visit), np.flatnonzero(new_run)
        of_feature, of_protein = feature[visit], protein[visit]
        n_on = np.diff(visit, append=len(row))
        length = np.asarray(lengths, dtype=np.int64)[of_protein]

        self._add(self._proteins, of_feature, np.ones_like(length))
        self._add(self._on, of_feature, n_on)
        self._add(self._residues, of_feature, length)
        self._add(self._on_whole, of_feature, n_on * (n_on >= WHOLE * length))
        self._runs = self._runs + _histogram(
            feature[run], np.diff(run, append=len(row)), self._runs.shape
        )
        first_row = ragged.starts(lengths)[of_protein]
        first, last = _peaks(row, value, visit, n_on)
        # With several equal peaks, each end asks for all of them.
        self._add(self._at_start, of_feature, _terminal(last - first_row, length))
        self._add(self._at_end, of_feature, _terminal(first_row + length - 1 - first, length))
        self._update_spacings(row[run], new_visit[run], of_feature, n_on)

        units = np.rint(value * (MASS_UNITS / self._threshold)[feature]).astype(np.int64)
        place = (np.asarray(cluster)[of_protein], of_feature)
        self._mass = self._mass + sparse.csr_array(
            (np.add.reduceat(units, visit), place), shape=self._mass.shape
        )

    def _update_spacings(
        self, start: np.ndarray, new_visit: np.ndarray, of_feature: np.ndarray, n_on: np.ndarray
    ) -> None:
        """Add the spacings of runs, given the first row of each and whether it opens a visit."""
        of_visit = np.cumsum(new_visit) - 1
        n_runs = np.bincount(of_visit)
        repeated = n_runs >= MIN_RUNS
        within = ~new_visit[1:] & repeated[of_visit[1:]]
        spacing = np.diff(start)[within].astype(np.int64)
        of_visit = of_visit[1:][within]
        self._spacings = self._spacings + _histogram(
            of_feature[of_visit], spacing, self._spacings.shape
        )
        total, squares = (
            np.bincount(of_visit, s, len(n_runs)).astype(np.int64) for s in (spacing, spacing**2)
        )
        # n squares - total^2 is n^2 times the variance, and total^2 is n^2 times the squared mean.
        spread = (n_runs - 1) * squares - total**2
        regular = repeated & (spread <= MAX_VARIATION**2 * total**2)
        self._add(self._on_repeated, of_feature, n_on * repeated)
        self._add(self._on_regular, of_feature, n_on * regular)

    @staticmethod
    def _add(total: np.ndarray, feature: np.ndarray, number: np.ndarray) -> None:
        # Whole numbers below 2^53 stay exact as weights.
        total += np.bincount(feature, number, len(total)).astype(np.int64)

    def table(self) -> pd.DataFrame:
        """One row for each feature, with its kind; a share of nothing is 0, a length NaN.

        Returns
        -------
        DataFrame
            kind : one of ``KINDS``.
            n_proteins : proteins in which the feature is on.
            prevalence : these as a share of all proteins seen.
            active_share : residues on, of all residues of the proteins in which it is on.
            run_median, run_n50 : length in residues that half of the runs, and runs with half of
            the residues on, do not exceed. The second is the one for kinds: single stray residues
            hardly change it.
            whole_share : residues on that lie in proteins on as a whole (``WHOLE``), of those on.
            n_terminal_share, c_terminal_share : proteins with their highest activation near that
            end, of those in which it is on.
            repeated_share : residues on that lie in proteins with at least ``MIN_RUNS`` runs.
            regular_share : residues on that lie in proteins with at least ``MIN_RUNS`` runs, the
            starts of which have a stable spacing (``MAX_VARIATION``).
            spacing_median : residues from the start of a run to that of the next, in proteins with
            at least ``MIN_RUNS`` runs; the period, if there is one.
            spacing_pair_share : share of the most frequent spacings s and s + 1 of these.
            effective_clusters : (sum m)^2 / sum m^2 over the activation mass m (on-residues only)
            by homology cluster; 1 if a single cluster has it all.
            cluster_share : effective clusters, of the clusters seen.
        """
        segment_length = self._runs.copy()
        segment_length.data = segment_length.data * segment_length.indices
        effective = self._effective_clusters()
        columns = {
            "n_proteins": self._proteins,
            "prevalence": ratio(self._proteins, np.array(self._n_proteins)),
            "active_share": ratio(self._on, self._residues),
            "run_median": _median(self._runs),
            "run_n50": _median(segment_length),
            "whole_share": ratio(self._on_whole, self._on),
            "n_terminal_share": ratio(self._at_start, self._proteins),
            "c_terminal_share": ratio(self._at_end, self._proteins),
            "repeated_share": ratio(self._on_repeated, self._on),
            "regular_share": ratio(self._on_regular, self._on),
            "spacing_median": _median(self._spacings),
            "spacing_pair_share": _pair_share(self._spacings),
            "effective_clusters": effective,
            "cluster_share": ratio(effective, self._seen.sum()),
        }
        table = pd.DataFrame(columns)
        table.insert(0, "kind", kinds(table))
        return table

    def _effective_clusters(self) -> np.ndarray:
        mass = sparse.csc_array(self._mass)
        n_features = mass.shape[1]
        effective = np.zeros(n_features)
        for begin in range(0, n_features, BLOCK_FEATURES):
            block = slice(begin, min(begin + BLOCK_FEATURES, n_features))
            effective[block] = effective_clusters(mass[:, block].toarray())
        return effective


def _histogram(feature: np.ndarray, number: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    """How often each number occurs with each feature: int64, shape (n_features, anything)."""
    ones = np.ones(len(number), dtype=np.int64)
    counts = sparse.csr_array((ones, (feature, number)), shape=shape)
    counts.sum_duplicates()
    return counts


def _peaks(
    row: np.ndarray, value: np.ndarray, first: np.ndarray, size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """First and last row of the highest value in each of consecutive groups."""
    is_peak = value == np.repeat(np.maximum.reduceat(value, first), size)
    group = ragged.groups(size)[is_peak]
    rows = row[is_peak]
    new = np.flatnonzero(ragged.changes(group))
    return rows[new].astype(np.int64), rows[np.append(new[1:], len(rows)) - 1].astype(np.int64)


def _terminal(distance: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Whether a distance from an end, 0 at the end itself, still belongs to that end."""
    near: np.ndarray = (distance < TERMINAL_RESIDUES) & (TERMINAL_FRACTION * distance < length)
    return near


def _median(histogram: sparse.csr_array) -> np.ndarray:
    """Smallest column up to which each row holds half of its sum; NaN for an empty row.

    Examples
    --------
    >>> _median(sparse.csr_array(np.array([[0, 3, 0, 2], [0, 1, 0, 2], [0, 0, 0, 0]]))).tolist()
    [1.0, 3.0, nan]
    """
    running = np.append(0, np.cumsum(histogram.data))
    below, above = running[histogram.indptr[:-1]], running[histogram.indptr[1:]]
    place = np.searchsorted(2 * running, below + above) - 1
    median = np.full(histogram.shape[0], np.nan)
    some = above > below
    median[some] = histogram.indices[place[some]]
    return median


def _pair_share(histogram: sparse.csr_array) -> np.ndarray:
    """Largest share of a row's sum in two adjacent columns; 0 for an empty row.

    Examples
    --------
    >>> _pair_share(sparse.csr_array(np.array([[0, 3, 0, 2, 2, 1], [0] * 6]))).tolist()
    [0.5, 0.0]
    """
    size = np.diff(histogram.indptr)
    row = ragged.groups(size)
    pair = histogram.data.copy()
    adjacent = (row[1:] == row[:-1]) & (histogram.indices[1:] == histogram.indices[:-1] + 1)
    pair[:-1] += histogram.data[1:] * adjacent
    best = np.zeros(len(size), dtype=np.int64)
    np.maximum.at(best, row, pair)
    return ratio(best, histogram.sum(1))
