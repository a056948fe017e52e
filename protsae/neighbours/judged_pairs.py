"""Whether two features that were paired are active at the same residues, or seem so.

Two features can agree for two cheap reasons: they are active at the same places of any protein, or
anywhere in the same proteins. Each has a null of its own, and a pair has to pass both.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse
from scipy.special import stdtrit

from protsae.association.scoring.metrics import CALLED_Q
from protsae.association.significance.label_exchange import nearest
from protsae.detectors.best_matches import moments
from protsae.features.recurrence import LEAST_CORRELATION
from protsae.neighbours.assignment import Pairs
from protsae.statistics import ragged
from protsae.statistics.cluster_correlation import correlation
from protsae.statistics.cluster_intervals import MIN_CLUSTERS, group_sums
from protsae.statistics.sums.sum_distribution import SumLaws
from protsae.statistics.weighted_ranks import mean_ranks

DONORS = 12
"""Other proteins whose places are tried, those nearest in length: with more of them, features that
merely follow the length of the protein would pass."""
BOUNDED_BELOW = 1e-12
"""A p-value that is certain to be smaller is not computed: a bound stands for it."""
PAIRS_AT_ONCE = 1024
"""Pairs tested together: memory, not results."""
RANKS_AT_ONCE = 2**20
"""Ranks whose laws are found together, at least those of one pair: likewise."""


@dataclass(frozen=True)
class JudgedPairs:
    """What other proteins than those in which features were paired say of the pairs.

    Attributes
    ----------
    correlation, low, high : ndarray, shape (n_pairs,)
        Pearson correlation, and its nominal 95 % interval over proteins (jackknife); NaN where the
        first is active in fewer than ``MIN_CLUSTERS``.
    exchanged : ndarray, shape (n_pairs,)
        Correlation with the partner's activations at the same places of other proteins.
    rotated : ndarray, shape (n_pairs,)
        Correlation with the partner's activations at other places of the same proteins.
    by_letter : ndarray, shape (n_pairs,)
        Correlation that would be left if both followed the amino acid alone.
    runner_up : ndarray, shape (n_pairs,)
        Correlation with the runner-up, of which the pair was chosen before; NaN without one.
    n_proteins : ndarray of int, shape (n_pairs,)
        Proteins in which the first is active.
    p_value : ndarray, shape (n_pairs,)
        The larger one of the two nulls. NaN where the first is active in none, and with a single
        protein.
    """

    correlation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    exchanged: np.ndarray
    rotated: np.ndarray
    by_letter: np.ndarray
    runner_up: np.ndarray
    n_proteins: np.ndarray
    p_value: np.ndarray

    def persists(self, q_value: np.ndarray) -> np.ndarray:
        """Whether the two are one feature: 1 or 0; NaN in fewer than ``MIN_CLUSTERS`` proteins.

        They explain half of each other's variance or more (``LEAST_CORRELATION``, as for the seeds
        of an SAE), more than the runner-up does, and surely more than the place, the protein or
        the amino acid explains: q is at most ``CALLED_Q`` and the lower end of the interval above
        these three correlations.

        Parameters
        ----------
        q_value : ndarray, shape (n_pairs,)
            Of ``p_value``.
        """
        cheap = np.fmax(np.fmax(self.exchanged, self.rotated), self.by_letter)
        with np.errstate(invalid="ignore"):
            surely = (q_value <= CALLED_Q) & (self.low > cheap)
            least = np.fmax(self.runner_up, LEAST_CORRELATION)
            found = surely & (self.correlation >= least)
        told = (self.n_proteins >= MIN_CLUSTERS) & ~np.isnan(q_value)
        return np.where(told, found, np.nan)


def judge_pairs(
    own: sparse.csr_array,
    others: sparse.csr_array,
    pairs: Pairs,
    lengths: np.ndarray,
    letters: np.ndarray,
) -> JudgedPairs:
    """Test pairs on proteins of which no two are homologous.

    In each protein, S = sum_i a_i b_i over its residues is compared with S of the activations b
    that the partner has at the same places of other proteins of similar length (`same_places`), and
    again with those of b rotated along the protein (`rotated_places`). If b knew nothing of a but
    the place, or nothing but the protein, S would be any of these equally likely. The statistic is
    the sum over proteins of the rank of S among them, and its law the convolution of the ranks
    (`SumLaws`), exact for ties. A protein counts by its rank, so that none decides alone.

    Parameters
    ----------
    own, others : csr_array, shape (n_residues, n_own) and (n_residues, n_others)
        Codes of the same residues, protein by protein.
    lengths : ndarray of int, shape (n_proteins,)
    letters : ndarray of int, shape (n_residues,)
        Amino acid of each residue, from 0.

    Examples
    --------
    In 24 proteins of 5 residues the first feature is active at a place that varies from one
    protein to the next. The second is active there, too, the third always at the third residue:

    >>> place = np.arange(24) % 5 + 5 * np.arange(24)
    >>> third = 2 + 5 * np.arange(24)
    >>> ones, columns = np.ones(24), np.zeros(24, int)
    >>> own = sparse.csr_array((ones, (place, columns)), shape=(120, 1))
    >>> others = sparse.csr_array(
    ...     (np.ones(48), (np.r_[place, third], np.repeat([0, 1], 24))), shape=(120, 2)
    ... )
    >>> lengths, letters = np.full(24, 5), np.zeros(120, int)
    >>> pairs = Pairs(np.array([0]), np.array([0]), np.array([1.0]), np.array([1]))
    >>> bool(judge_pairs(own, others, pairs, lengths, letters).p_value[0] < 1e-6)
    True
    >>> pairs = Pairs(np.array([0]), np.array([1]), np.array([0.0]), np.array([0]))
    >>> judge_pairs(own, others, pairs, lengths, letters).p_value.tolist()
    [1.0]
    """
    donors = nearest(np.log(lengths)[:, None])[:, 1 : 1 + DONORS]
    exchanged = [same_places(lengths, donor) for donor in donors.T]
    rotated = rotated_places(lengths, len(exchanged))
    own_columns, columns = (sparse.csc_array(codes, dtype=np.float64) for codes in (own, others))
    parts = []
    for first in range(0, len(pairs.own), PAIRS_AT_ONCE):
        some = slice(first, first + PAIRS_AT_ONCE)
        runner_up = pairs.runner_up[some]
        # Features of a pair in one column, so that products of matrices are those of pairs.
        of_own = sparse.csr_array(own_columns[:, pairs.own[some]])
        of_other = sparse.csr_array(columns[:, pairs.other[some]])
        of_second = _correlations(of_own, sparse.csr_array(columns[:, runner_up.clip(min=0)]))
        found = _judged(of_own, of_other, lengths, letters, exchanged, rotated)
        parts.append(replace(found, runner_up=np.where(runner_up >= 0, of_second, np.nan)))
    names = list(JudgedPairs.__dataclass_fields__)
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return JudgedPairs(**joined)


def same_places(lengths: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """For each residue the row of the one at the same place of its protein's donor.

    Residues keep their distance to the nearer end of the chain; where the donor is shorter than
    that, its last residue, or its first, stands for those beyond.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    donor : ndarray of int, shape (n_proteins,)
        Number of another protein for each.

    Examples
    --------
    Proteins of 2 and 4 residues get each other's:

    >>> same_places(np.array([2, 4]), np.array([1, 0])).tolist()
    [2, 5, 0, 1, 0, 1]
    """
    length = np.repeat(lengths, lengths)
    given = np.repeat(lengths[donor], lengths)
    place = ragged.places(lengths)
    from_end = length - 1 - place
    found = np.where(place <= from_end, place, given - 1 - from_end)
    first = np.repeat(ragged.starts(lengths)[donor], lengths)
    rows: np.ndarray = first + found.clip(0, given - 1)
    return rows


def rotated_places(lengths: np.ndarray, count: int) -> list[np.ndarray]:
    """For each residue the row of another one of its protein, ``count`` times over.

    All residues of a protein move on by j / (count + 1) of its length, j = 1 to ``count``, the last
    ones to its start.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    count : int

    Examples
    --------
    >>> [rows.tolist() for rows in rotated_places(np.array([3, 2]), 2)]
    [[1, 2, 0, 4, 3], [2, 0, 1, 3, 4]]
    """
    first, length = (np.repeat(x, lengths) for x in (ragged.starts(lengths), lengths))
    place = ragged.places(lengths)
    return [
        first + (place + np.ceil(length * turn / (count + 1)).astype(np.int64)) % length
        for turn in range(1, count + 1)
    ]


def _judged(
    own: sparse.csr_array,
    other: sparse.csr_array,
    lengths: np.ndarray,
    letters: np.ndarray,
    exchanged: list[np.ndarray],
    rotated: list[np.ndarray],
) -> JudgedPairs:
    def by_protein(rows: sparse.csr_array) -> sparse.csr_array:
        return group_sums(rows, of_residue, len(lengths))

    of_residue = ragged.groups(lengths)
    products_of = (own, other, own.power(2), other.power(2), own * other)
    dense = np.stack([by_protein(part).toarray() for part in products_of], axis=-1)
    n = np.broadcast_to(lengths[:, None, None], (*dense.shape[:2], 1)).astype(np.float64)
    r, low, high = correlation(np.concatenate([n, dense], axis=-1))
    is_active = by_protein(own > 0).tocoo()
    protein, pair = is_active.row, is_active.col
    means = [dense[..., i].sum(0) / lengths.sum() for i in range(5)]
    scale = np.sqrt((means[2] - means[0] ** 2).clip(0) * (means[3] - means[1] ** 2).clip(0))
    by_chance = means[0] * means[1]
    nulls = []
    for places in (exchanged, rotated):
        products = [dense[protein, pair, 4]]
        given = np.zeros(own.shape[1])
        for rows in places:
            of_donor = by_protein(own * other[rows])
            products.append(np.asarray(of_donor[protein, pair]).ravel())
            given += np.asarray(of_donor.sum(0)).ravel() / len(places)
        p_values = _p_values(np.stack(products, axis=1), pair, own.shape[1])
        nulls.append((_over(given / lengths.sum() - by_chance, scale), p_values))
    (of_places, p_of_places), (of_proteins, p_of_proteins) = nulls
    untold = np.full(own.shape[1], np.nan)
    told = len(exchanged) > 0
    n_active = np.bincount(pair, minlength=own.shape[1])
    low, high = _widened(r, low, high, len(lengths), n_active)
    return JudgedPairs(
        correlation=r,
        low=low,
        high=high,
        exchanged=of_places if told else untold,
        rotated=of_proteins if told else untold,
        by_letter=_over(_between(own, other, letters, by_chance), scale),
        runner_up=untold,
        n_proteins=n_active,
        p_value=np.maximum(p_of_places, p_of_proteins) if told else untold,
    )


def _correlations(one: sparse.csr_array, other: sparse.csr_array) -> np.ndarray:
    """Of each column with the same one of the other; NaN where one is constant."""
    (mean, sd), (mean_other, sd_other) = moments(one), moments(other)
    product = np.asarray((one * other).sum(0)).ravel() / one.shape[0]
    return _over(product - mean * mean_other, sd * sd_other)


def _widened(
    r: np.ndarray, low: np.ndarray, high: np.ndarray, n_proteins: int, n_active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The interval with as many degrees of freedom as proteins in which there is anything."""
    wider = stdtrit(np.maximum(n_active - 1, 1), 0.975) / stdtrit(max(n_proteins - 1, 1), 0.975)
    z, z_low, z_high = (np.arctanh(x.clip(-1 + 1e-12, 1 - 1e-12)) for x in (r, low, high))
    told = n_active >= MIN_CLUSTERS
    ends = (np.tanh(z + wider * (end - z)) for end in (z_low, z_high))
    found_low, found_high = (np.where(told, end, np.nan) for end in ends)
    return found_low, found_high


def _p_values(products: np.ndarray, pair: np.ndarray, n_pairs: int) -> np.ndarray:
    """Of the sum of ranks of the first column among all, over the rows of each pair."""
    # Twice the mean rank of ties is a whole number.
    ranks = np.rint(2 * mean_ranks(products, axis=1)).astype(np.int64)
    found = np.full(n_pairs, np.nan)
    order = np.argsort(pair, kind="stable")
    ends = np.searchsorted(pair[order], np.arange(n_pairs + 1))
    for some in ragged.runs(np.diff(ends), max(1, RANKS_AT_ONCE // ranks.shape[1])):
        rows = ranks[order[ends[some.start] : ends[some.stop]]]
        law = pair[order[ends[some.start] : ends[some.stop]]] - some.start
        sizes = np.full(len(rows), rows.shape[1])
        laws = SumLaws.of_draws(rows.ravel(), sizes, law, some.stop - some.start)
        observed = np.bincount(law, rows[:, 0], some.stop - some.start).astype(np.int64)
        told = np.diff(ends[some.start : some.stop + 1]) > 0
        found[some] = np.where(told, laws.at_least(observed, BOUNDED_BELOW), np.nan)
    return found


def _between(
    own: sparse.csr_array, other: sparse.csr_array, letters: np.ndarray, product: np.ndarray
) -> np.ndarray:
    """Covariance of the two means by letter."""
    n_letters = int(letters.max(initial=0)) + 1
    size = np.bincount(letters, minlength=n_letters)
    of_own, of_other = (group_sums(part, letters, n_letters).toarray() for part in (own, other))
    found: np.ndarray = (of_own * of_other / np.maximum(size, 1)[:, None]).sum(0) / len(letters)
    return found - product


def _over(covariance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(scale > 0, covariance / np.where(scale > 0, scale, 1), np.nan)
    return found
