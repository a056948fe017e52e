"""Whether two features that were paired follow the same proteins, or only the same places."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.stats import rankdata

from protsae.association.significance.label_exchange import nearest
from protsae.neighbours.assignment import Pairs
from protsae.statistics import ragged
from protsae.statistics.cluster_correlation import correlation
from protsae.statistics.sum_distribution import SumLaw

END_RESIDUES = 50
"""Residues at each end of a chain that keep their distance to that end in another chain."""
BOUNDED_BELOW = 1e-12
"""A p-value that is certain to be smaller is not computed: a bound stands for it."""
PAIRS_AT_ONCE = 1024
"""Pairs tested together: memory, not results."""


@dataclass(frozen=True)
class JudgedPairs:
    """What other proteins than those in which features were paired say of the pairs.

    Attributes
    ----------
    correlation, low, high : ndarray, shape (n_pairs,)
        Pearson correlation, and its 95 % interval over proteins.
    exchanged : ndarray, shape (n_pairs,)
        Correlation with the partner's activations at the same places of other proteins.
    by_letter : ndarray, shape (n_pairs,)
        Correlation that would be left if both followed the amino acid alone.
    n_proteins : ndarray of int, shape (n_pairs,)
        Proteins in which the first is active.
    p_value : ndarray, shape (n_pairs,)
        NaN where the first is active in none, and with a single protein.
    """

    correlation: np.ndarray
    low: np.ndarray
    high: np.ndarray
    exchanged: np.ndarray
    by_letter: np.ndarray
    n_proteins: np.ndarray
    p_value: np.ndarray


def judge_pairs(
    own: sparse.csr_array,
    others: sparse.csr_array,
    pairs: Pairs,
    lengths: np.ndarray,
    letters: np.ndarray,
) -> JudgedPairs:
    """Test pairs on proteins of which no two are homologous.

    In each protein, S = sum_i a_i b_i over its residues is compared with S of the activations b
    that the partner has at the same places of other proteins of similar length (`same_places`).
    If b knew nothing of a but the place, S would be any of these equally likely. The statistic is
    the sum over proteins of the rank of S among them, and its law the convolution of the ranks
    (`SumLaw`), exact for ties. A protein counts by its rank, so that none decides alone.

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
    >>> pairs = Pairs(np.array([0]), np.array([0]), np.array([1.0]))
    >>> bool(judge_pairs(own, others, pairs, lengths, letters).p_value[0] < 1e-6)
    True
    >>> pairs = Pairs(np.array([0]), np.array([1]), np.array([0.0]))
    >>> judge_pairs(own, others, pairs, lengths, letters).p_value.tolist()
    [1.0]
    """
    donors = nearest(np.log(lengths)[:, None])[:, 1:]
    places = [same_places(lengths, donor) for donor in donors.T]
    parts = []
    for first in range(0, len(pairs.own), PAIRS_AT_ONCE):
        some = slice(first, first + PAIRS_AT_ONCE)
        # Features of a pair in one column, so that products of matrices are those of pairs.
        of_own = sparse.csr_array(sparse.csc_array(own, dtype=np.float64)[:, pairs.own[some]])
        of_other = sparse.csr_array(
            sparse.csc_array(others, dtype=np.float64)[:, pairs.other[some]]
        )
        parts.append(_judged(of_own, of_other, lengths, letters, places))
    names = list(JudgedPairs.__dataclass_fields__)
    joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    return JudgedPairs(**joined)


def same_places(lengths: np.ndarray, donor: np.ndarray) -> np.ndarray:
    """For each residue the row of the one at the same place of its protein's donor.

    Residues within ``END_RESIDUES`` of an end, and within half of the shorter chain, keep their
    distance to it; the others their share of the way between.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_proteins,)
    donor : ndarray of int, shape (n_proteins,)
        Number of another protein for each.

    Examples
    --------
    Proteins of 2 and 4 residues get each other's:

    >>> same_places(np.array([2, 4]), np.array([1, 0])).tolist()
    [2, 5, 0, 1, 1, 1]
    """
    length = np.repeat(lengths, lengths)
    given = np.repeat(lengths[donor], lengths)
    place = ragged.places(lengths)
    end = np.minimum(END_RESIDUES, np.minimum(length, given) // 2)
    inner, inner_given = length - 2 * end, given - 2 * end
    between = end + (place - end + 0.5) / np.maximum(inner, 1) * inner_given
    between = np.clip(np.floor(between), end, np.maximum(end, given - end - 1))
    from_end = length - 1 - place
    found = np.where(place < end, place, np.where(from_end < end, given - 1 - from_end, between))
    first = np.repeat(ragged.starts(lengths)[donor], lengths)
    rows: np.ndarray = first + found.clip(0, given - 1).astype(np.int64)
    return rows


def _judged(
    own: sparse.csr_array,
    other: sparse.csr_array,
    lengths: np.ndarray,
    letters: np.ndarray,
    places: list[np.ndarray],
) -> JudgedPairs:
    member = _members(ragged.groups(lengths), len(lengths))
    sums = [member @ part for part in (own, other, own.power(2), other.power(2), own * other)]
    dense = np.stack([part.toarray() for part in sums], axis=-1)
    n = np.broadcast_to(lengths[:, None, None], (*dense.shape[:2], 1)).astype(np.float64)
    r, low, high = correlation(np.concatenate([n, dense], axis=-1))
    is_active = (member @ (own > 0).astype(np.float64)).tocoo()
    protein, pair = is_active.row, is_active.col
    products = np.empty((len(protein), 1 + len(places)))
    products[:, 0] = dense[protein, pair, 4]
    given = np.zeros(own.shape[1])
    for number, rows in enumerate(places, start=1):
        of_donor = member @ (own * other[rows])
        products[:, number] = np.asarray(of_donor[protein, pair]).ravel()
        given += np.asarray(of_donor.sum(0)).ravel() / len(places)
    means = [dense[..., i].sum(0) / lengths.sum() for i in range(5)]
    scale = np.sqrt((means[2] - means[0] ** 2).clip(0) * (means[3] - means[1] ** 2).clip(0))
    covariance = given / lengths.sum() - means[0] * means[1]
    told = len(places) > 0
    return JudgedPairs(
        correlation=r,
        low=low,
        high=high,
        exchanged=_over(covariance if told else np.full(len(given), np.nan), scale),
        by_letter=_over(_between(own, other, letters, means[0] * means[1]), scale),
        n_proteins=np.bincount(pair, minlength=own.shape[1]),
        p_value=_p_values(products, pair if told else pair[:0], own.shape[1]),
    )


def _p_values(products: np.ndarray, pair: np.ndarray, n_pairs: int) -> np.ndarray:
    """Of the sum of ranks of the first column among all, over the rows of each pair."""
    # Twice the mean rank of ties is a whole number.
    ranks = np.rint(2 * rankdata(products, axis=1)).astype(np.int64)
    found = np.full(n_pairs, np.nan)
    order = np.argsort(pair, kind="stable")
    ends = np.searchsorted(pair[order], np.arange(n_pairs + 1))
    for number in np.flatnonzero(np.diff(ends)).tolist():
        rows = ranks[order[ends[number] : ends[number + 1]]]
        law = SumLaw.of_draws(rows.ravel(), np.full(len(rows), rows.shape[1]))
        found[number] = law.at_least(int(rows[:, 0].sum()), BOUNDED_BELOW)
    return found


def _between(
    own: sparse.csr_array, other: sparse.csr_array, letters: np.ndarray, product: np.ndarray
) -> np.ndarray:
    """Covariance of the two means by letter."""
    n_letters = int(letters.max(initial=0)) + 1
    member, size = _members(letters, n_letters), np.bincount(letters, minlength=n_letters)
    of_own, of_other = ((member @ part).toarray() for part in (own, other))
    found: np.ndarray = (of_own * of_other / np.maximum(size, 1)[:, None]).sum(0) / len(letters)
    return found - product


def _members(group: np.ndarray, n_groups: int) -> sparse.csr_array:
    """Row g has ones at the members of group g."""
    where = group, np.arange(len(group))
    return sparse.csr_array((np.ones(len(group)), where), shape=(n_groups, len(group)))


def _over(covariance: np.ndarray, scale: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(scale > 0, covariance / np.where(scale > 0, scale, 1), np.nan)
    return found
