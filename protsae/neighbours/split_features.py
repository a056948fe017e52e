"""Features of a narrow SAE that a wider one splits into several."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from protsae.neighbours.coactivation import FEWEST_PROTEINS, PRODUCT_VALUES
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

PART_SHARE = 0.7
"""How far the way from chance to certainty a part goes; see `parts_of`."""
FEWEST_RESIDUES = 10
"""Residues at which a part is active, at least."""


@dataclass(frozen=True)
class Parts:
    """Parts of features: pairs of a feature of the narrow SAE and one of the wide one.

    Attributes
    ----------
    whole, part : ndarray of int, shape (n_parts,)
        By ascending ``whole``; no part occurs twice.
    """

    whole: np.ndarray
    part: np.ndarray


def parts_of(narrow: sparse.csr_array, wide: sparse.csr_array, lengths: np.ndarray) -> Parts:
    """Features of the wide SAE that are active nearly only where one of the narrow SAE is.

    A feature g is part of the feature f with the largest P(f | g), if
    (P(f | g) - P(f)) / (1 - P(f)) is ``PART_SHARE`` or more: the share of the way from chance to
    certainty, so that a feature that is active nearly everywhere has no parts for that.

    Parameters
    ----------
    narrow, wide : csr_array of bool, shape (n_residues, n_narrow) and (n_residues, n_wide)
        Where features are active.
    lengths : ndarray of int, shape (n_proteins,)
        Residues of each protein: a part is active in ``FEWEST_PROTEINS`` or more, as a segment of
        one protein lies within another by chance.

    Examples
    --------
    >>> narrow = sparse.csr_array(np.repeat([[1], [1], [0], [0]], 10, axis=0) > 0)
    >>> wide = sparse.csr_array(
    ...     np.repeat([[1, 0, 0], [0, 1, 1], [0, 0, 1], [0, 0, 0]], 10, axis=0) > 0
    ... )
    >>> found = parts_of(narrow, wide, np.full(20, 2))
    >>> found.whole.tolist(), found.part.tolist()
    ([0, 0], [0, 1])
    """
    rows_of_wide = sparse.csr_array(wide, dtype=np.int32)
    columns, rows = sparse.csc_array(rows_of_wide), sparse.csr_array(narrow, dtype=np.int32)
    share = np.bincount(narrow.indices, minlength=narrow.shape[1]) / narrow.shape[0]
    sizes = np.bincount(wide.indices, minlength=wide.shape[1])
    in_proteins = group_sums(rows_of_wide, ragged.groups(lengths), len(lengths)) > 0
    enough = (sizes >= FEWEST_RESIDUES) & (
        np.asarray(in_proteins.sum(0)).ravel() >= FEWEST_PROTEINS
    )
    whole = np.full(wide.shape[1], -1)
    step = max(1, PRODUCT_VALUES // narrow.shape[1])
    for first in range(0, wide.shape[1], step):
        piece = slice(first, first + step)
        both = (columns[:, piece].T @ rows).toarray()
        given = both / np.maximum(sizes[piece], 1)[:, None]
        way = (given - share) / np.maximum(1 - share, 1e-12)
        best = way.argmax(1)
        is_part = way[np.arange(len(best)), best] >= PART_SHARE
        whole[piece] = np.where(is_part & enough[piece], best, -1)
    part = np.flatnonzero(whole >= 0)
    order = np.argsort(whole[part], kind="stable")
    return Parts(whole[part][order], part[order])


def covered_shares(
    narrow: sparse.csr_array, wide: sparse.csr_array, parts: Parts
) -> tuple[np.ndarray, np.ndarray]:
    """Of each feature's residues the share at which any of its parts is active, and the best one.

    Parameters
    ----------
    narrow, wide
        As of `parts_of`; of other proteins, so that the choice of parts flatters nothing.

    Returns
    -------
    by_any, by_best : ndarray, shape (n_narrow,)
        ``by_best`` is of the part that covers most. NaN for features without parts, and for those
        that are active nowhere.
    """
    n_narrow, n_parts = narrow.shape[1], len(parts.part)
    own = sparse.csc_array(narrow, dtype=np.int32)[:, parts.whole]
    part = sparse.csc_array(wide, dtype=np.int32)[:, parts.part]
    both = sparse.csc_array(own * part)
    size = np.bincount(narrow.indices, minlength=n_narrow)
    joined = sparse.csr_array(
        (np.ones(n_parts, np.int32), (np.arange(n_parts), parts.whole)), shape=(n_parts, n_narrow)
    )
    covered = np.asarray(((both @ joined) > 0).sum(0)).ravel()
    best = np.zeros(n_narrow)
    np.maximum.at(best, parts.whole, np.asarray(both.sum(0)).ravel())
    told = (np.bincount(parts.whole, minlength=n_narrow) > 0) & (size > 0)
    scale = np.where(told, size, 1)
    return np.where(told, covered / scale, np.nan), np.where(told, best / scale, np.nan)
