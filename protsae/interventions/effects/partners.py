"""The feature that is active where another is, and whether either of the two suffices."""

from collections.abc import Iterable

import numpy as np
from scipy import sparse
from scipy.special import stdtrit

from protsae.statistics.cluster_intervals import ratio_error

REDUNDANT = 0.25
"""A pair is said to be redundant if the whole interval of its redundancy is above this."""

LEAST_SQUARE = 1e-8
"""Mean square of a pair's change of log p, nats^2, below which it is rounding."""


PARTNERS = 3
"""Features that are ablated together with another, each in turn."""


def partners(codes: sparse.csc_array, features: Iterable[int]) -> dict[int, list[int]]:
    """For each feature the `PARTNERS` whose activations have the largest cosine with its own.

    None that is never active where it is.

    Parameters
    ----------
    codes : csc_array, shape (n_rows, n_features)
        None negative.

    Examples
    --------
    >>> codes = sparse.csc_array(np.array([[1.0, 2, 0], [1, 1, 0], [0, 1, 3]]))
    >>> partners(codes, [0, 1])
    {0: [1], 1: [0, 2]}
    """
    norm_F = np.sqrt(np.asarray(codes.multiply(codes).sum(0)).ravel())
    found = {}
    for feature in features:
        together = (codes.T @ codes[:, [feature]]).toarray().ravel().astype(np.float64)
        cosine_F = together / np.where(norm_F > 0, norm_F, 1)
        cosine_F[feature] = 0
        best = np.argsort(-cosine_F, kind="stable")[:PARTNERS]
        found[feature] = best[cosine_F[best] > 0].tolist()
    return found


def redundancy(
    one_SA: np.ndarray, other_SA: np.ndarray, both_SA: np.ndarray
) -> tuple[float, float, float] | None:
    """How much of what a pair does neither does alone, and its 95 % interval over sites.

    With a, b and c the changes of log p, less their means over the letters, when one, the other and
    both are ablated: sum c . (c - a - b) / sum max(|a|^2, |b|^2, |c|^2) over the sites. 1: ablating
    one changes nothing, both together much; 0: effects add up, or cancel; -1: either does all.

    The interval is Student's t with the standard error of a ratio, the widest with any one site
    left out: otherwise it collapses where one site has most of the squares. None where the pair
    does nothing, or with fewer than three sites.

    Parameters
    ----------
    one_SA, other_SA, both_SA : ndarray, float64, shape (n_sites, n_letters)
        Each site of another homology cluster.

    Examples
    --------
    >>> change = np.array([[1.0, -1.0], [2.0, 0.0], [3.0, 1.0]])
    >>> [redundancy(share * change, share * change, change) for share in (0.0, 0.5, 1.0)]
    [(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (-1.0, -1.0, -1.0)]
    """
    n_sites = len(both_SA)
    a, b, c = (change - change.mean(1, keepdims=True) for change in (one_SA, other_SA, both_SA))
    square_S = np.max([np.square(change).sum(1) for change in (a, b, c)], axis=0)
    if n_sites < 3 or square_S.mean() < LEAST_SQUARE:
        return None
    beyond_S = (c * (c - a - b)).sum(1)
    subsets = [slice(None), *(np.arange(n_sites) != site for site in range(n_sites))]
    ends = [_share_and_half(beyond_S[subset], square_S[subset]) for subset in subsets]
    share, _ = ends[0]
    return share, min(one - half for one, half in ends), max(one + half for one, half in ends)


def _share_and_half(numerator_S: np.ndarray, denominator_S: np.ndarray) -> tuple[float, float]:
    total = float(denominator_S.sum())
    if total == 0:
        return 0.0, np.inf
    half = float(stdtrit(len(denominator_S) - 1, 0.975) * ratio_error(numerator_S, denominator_S))
    return float(numerator_S.sum()) / total, half
