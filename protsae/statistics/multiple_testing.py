"""Many hypotheses at once: q-values, and how many discoveries are true at least."""

from bisect import bisect_left

import numpy as np


def benjamini_hochberg(p_values: np.ndarray, group: np.ndarray | None = None) -> np.ndarray:
    """Smallest false discovery rate at which each is called; NaN stays, and is no test.

    Parameters
    ----------
    p_values : ndarray, shape (n,)
    group : ndarray, shape (n,), optional
        Hypotheses with the same value are corrected together, others apart: false calls in one
        group are then a small share of that group's calls, however many another one has.

    References
    ----------
    Benjamini & Hochberg, J. R. Stat. Soc. B 57, 289 (1995).

    Examples
    --------
    >>> benjamini_hochberg(np.array([0.01, np.nan, 0.04, 0.03])).tolist()
    [0.03, nan, 0.04, 0.04]
    >>> benjamini_hochberg(np.array([0.01, 0.02, 0.04]), np.array([0, 1, 1])).tolist()
    [0.01, 0.04, 0.04]
    """
    q_values = np.full(len(p_values), np.nan)
    is_tested = ~np.isnan(p_values)
    groups = np.zeros(len(p_values), np.int64) if group is None else group
    for one in np.unique(groups[is_tested]):
        members = is_tested & (groups == one)
        q_values[members] = _of_one_group(p_values[members])
    return q_values


def _of_one_group(p_values: np.ndarray) -> np.ndarray:
    """min over j >= i of p_(j) n / j, for the i-th smallest of n."""
    order = np.argsort(p_values)
    n = len(order)
    scaled = p_values[order] * n / np.arange(1, n + 1)
    q_values = np.empty(n)
    q_values[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    return q_values


def least_true(p_values: np.ndarray, chosen: np.ndarray, error: float = 0.05) -> int:
    """How many of the chosen hypotheses are false nulls at least, with confidence 1 - ``error``.

    d = max over u of 1 - u + #{i chosen: h p_i <= u error}, u = 1 to #chosen, where h is the size
    of the largest set of hypotheses that Simes' test does not reject: the closed testing procedure
    with Simes' test, which rejects a set of m if its j-th smallest p-value is at most j error / m
    for any j. It holds for any choice, also one made after looking, and where Benjamini-Hochberg's
    q-values do (p-values independent or positively dependent).

    Parameters
    ----------
    p_values : ndarray, shape (n,)
        Of all hypotheses tested, chosen or not; no NaN.
    chosen : ndarray of bool, shape (n,)

    References
    ----------
    Goeman, Meijer, Krebs & Solari, Biometrika 106, 841 (2019): simultaneous control of all false
    discovery proportions.

    Examples
    --------
    Of the two smallest of four both are true discoveries, of the three smallest no more than two:

    >>> p = np.array([0.001, 0.002, 0.3, 0.8])
    >>> least_true(p, p < 0.1), least_true(p, p < 0.5)
    (2, 2)
    """
    ordered = np.sort(p_values)
    n = len(ordered)

    def rejected(m: int) -> bool:
        """Simes' test of the m largest; if it rejects them, it rejects the m + 1 largest, too."""
        return bool((ordered[n - m :] * m <= error * np.arange(1, m + 1)).any())

    h = bisect_left(range(n + 1), True, key=rejected) - 1
    # The least u for which each chosen one is counted.
    least_u = np.sort(np.ceil(h * p_values[chosen] / error).astype(np.int64).clip(min=1))
    u = np.arange(1, len(least_u) + 1)
    found = 1 - u + np.searchsorted(least_u, u, side="right")
    return int(found.max(initial=0))
