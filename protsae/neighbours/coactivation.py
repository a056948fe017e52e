"""Which features are active together, over residues and over proteins."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

PRODUCT_VALUES = 4_000_000
"""Pairs of features counted at a time: memory, not results."""
FEWEST_PROTEINS = 3
"""Proteins in which a feature is active, below which it has no neighbours by co-activation."""
PRESENT_SHARE = 0.5
"""Of a feature's largest activation: from there on its peak in a protein counts as presence."""


@dataclass(frozen=True)
class Nearest:
    """The nearest features of each, the nearest first.

    Attributes
    ----------
    which : ndarray of int, shape (n_features, count)
        -1 where there are not so many.
    value : ndarray of float, shape (n_features, count)
        How near; NaN there.
    """

    which: np.ndarray
    value: np.ndarray

    @classmethod
    def none(cls, n_features: int, count: int) -> "Nearest":
        """Nothing is near anything yet."""
        which = np.full((n_features, count), -1, np.int64)
        return cls(which, np.full((n_features, count), np.nan))


def nearest_by_jaccard(active: sparse.csr_array, count: int, may: np.ndarray) -> Nearest:
    """The features that are active most nearly where each is.

    Jaccard index of the sets A and B of units (residues, or proteins) at which two features are
    active: the size of what A and B share over that of what is in either.

    Parameters
    ----------
    active : csr_array of bool, shape (n_units, n_features)
    count : int
        Neighbours of each.
    may : ndarray of bool, shape (n_features,)
        Features that have neighbours and can be some.

    Examples
    --------
    Features 0 and 1 share two of three units; 2 shares none:

    >>> active = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]]) > 0)
    >>> found = nearest_by_jaccard(active, 1, np.ones(3, bool))
    >>> found.which.ravel().tolist(), found.value.ravel().round(3).tolist()
    ([1, 0, -1], [0.667, 0.667, nan])
    """
    n_features = active.shape[1]
    found = Nearest.none(n_features, count)
    sizes = np.bincount(active.indices, minlength=n_features)
    for first, both in _pair_counts(active):
        for row in range(both.shape[0]):
            feature = first + row
            own = slice(both.indptr[row], both.indptr[row + 1])
            column, n_both = both.indices[own], both.data[own]
            kept = may[column] & (column != feature) & may[feature]
            column, n_both = column[kept], n_both[kept]
            value = n_both / (sizes[feature] + sizes[column] - n_both)
            near = _largest(value, column, count)
            found.which[feature, : len(near)] = column[near]
            found.value[feature, : len(near)] = value[near]
    return found


def _largest(value: np.ndarray, column: np.ndarray, count: int) -> np.ndarray:
    """Places of the largest values, falling; of equal ones the first columns."""
    places = np.arange(len(value))
    if len(value) > count:
        places = np.flatnonzero(value >= np.partition(value, -count)[-count])
    order = np.lexsort((column[places], -value[places]))
    found: np.ndarray = places[order][:count]
    return found


def _pair_counts(active: sparse.csr_array) -> Iterator[tuple[int, sparse.csr_array]]:
    """In how many units two features are active: of some features, from ``first``, with all."""
    rows = sparse.csr_array(active, dtype=np.int32)
    columns = sparse.csc_array(rows)
    step = max(1, PRODUCT_VALUES // active.shape[1])
    for first in range(0, active.shape[1], step):
        yield first, sparse.csr_array(columns[:, first : first + step].T @ rows)


@dataclass(frozen=True)
class Together:
    """How often pairs of features are active, and together.

    Attributes
    ----------
    n_own, n_other, n_both : ndarray of int, shape (n_pairs,)
        Units at which the first, the second, and both are active.
    expected : ndarray of float, shape (n_pairs,)
        Of n_both, if the two knew nothing of each other within a kind of units.
    """

    n_own: np.ndarray
    n_other: np.ndarray
    n_both: np.ndarray
    expected: np.ndarray

    @property
    def jaccard(self) -> np.ndarray:
        """n_both / (n_own + n_other - n_both); NaN where neither is ever active."""
        return _ratio(self.n_both, self.n_own + self.n_other - self.n_both)

    @property
    def expected_jaccard(self) -> np.ndarray:
        """The same with the expected intersection."""
        return _ratio(self.expected, self.n_own + self.n_other - self.expected)

    @property
    def other_given_own(self) -> np.ndarray:
        """P(second | first); NaN where the first is never active."""
        return _ratio(self.n_both, self.n_own)

    @property
    def own_given_other(self) -> np.ndarray:
        """P(first | second)."""
        return _ratio(self.n_both, self.n_other)


def together(
    active: sparse.csr_array, kind: np.ndarray, own: np.ndarray, other: np.ndarray
) -> Together:
    """Count given pairs of features.

    expected = sum_k n_k (a_k / n_k) (b_k / n_k): of the n_k units of kind k the first feature is
    active at a_k and the second at b_k. With the amino acid as the kind of a residue this is
    how often two features are active together because both follow the amino acid.

    Parameters
    ----------
    active : csr_array of bool, shape (n_units, n_features)
    kind : ndarray of int, shape (n_units,)
        Kind of each unit, from 0.
    own, other : ndarray of int, shape (n_pairs,)

    Examples
    --------
    Both are active at both units of kind 0 and at none of kind 1; knowing the kind, they know no
    more of each other:

    >>> active = sparse.csr_array(np.array([[1, 1], [1, 1], [0, 0], [0, 0]]) > 0)
    >>> found = together(active, np.array([0, 0, 1, 1]), np.array([0]), np.array([1]))
    >>> found.jaccard.tolist(), found.expected_jaccard.tolist()
    ([1.0], [1.0])
    """
    columns = sparse.csc_array(active, dtype=np.int32)
    n_kinds = int(kind.max(initial=0)) + 1
    of_kind = group_sums(columns, kind, n_kinds).toarray()
    n_of_kind = np.bincount(kind, minlength=n_kinds)
    sizes = of_kind.sum(0)
    n_both, expected = np.zeros(len(own), np.int64), np.zeros(len(own))
    step = max(1, PRODUCT_VALUES // max(1, active.nnz // active.shape[1]))
    for first in range(0, len(own), step):
        some = slice(first, first + step)
        n_both[some] = (columns[:, own[some]] * columns[:, other[some]]).sum(0)
        products = of_kind[:, own[some]] * of_kind[:, other[some]].astype(np.float64)
        expected[some] = (products / np.maximum(n_of_kind, 1)[:, None]).sum(0)
    return Together(sizes[own], sizes[other], n_both, expected)


def peaks(codes: sparse.csr_array, lengths: np.ndarray) -> sparse.csr_array:
    """Largest activation of each feature in each protein, shape (n_proteins, n_features).

    Examples
    --------
    >>> codes = sparse.csr_array(np.array([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0]]))
    >>> peaks(codes, np.array([2, 1])).toarray().tolist()
    [[3.0, 0.0], [0.0, 2.0]]
    """
    columns = sparse.csc_array(codes)
    columns.sort_indices()
    protein = ragged.groups(lengths)[columns.indices]
    feature = np.repeat(np.arange(codes.shape[1]), np.diff(columns.indptr))
    first = np.flatnonzero(ragged.changes(protein, feature))
    value = np.maximum.reduceat(columns.data, first) if len(first) else columns.data
    where = protein[first], feature[first]
    return sparse.csr_array((value, where), shape=(len(lengths), codes.shape[1]))


def present(peaks_PF: sparse.csr_array, largest: np.ndarray) -> sparse.csr_array:
    """In which proteins features are: their peak is half of their largest activation, or more.

    Nearly all features are active somewhere in a long protein, most of them hardly.

    Parameters
    ----------
    peaks_PF : csr_array
        From `peaks`.
    largest : ndarray, shape (n_features,)
        Largest activation of each feature.

    Returns
    -------
    csr_array of bool, shape (n_proteins, n_features)
    """
    found = peaks_PF.tocsr(copy=True)
    found.data = found.data >= PRESENT_SHARE * largest[found.indices]
    found.eliminate_zeros()
    return sparse.csr_array(found, dtype=bool)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.where(whole > 0, part / np.where(whole > 0, whole, 1), np.nan)
    return found
