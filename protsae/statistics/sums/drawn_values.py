"""Tables of probabilities of draws from lists of whole numbers, and of draws that move together."""

import numpy as np

from protsae.statistics import ragged


def distinct_values(
    values: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct values of each part, ascending: part, value, how often it occurs.

    Cells are counted for each part up to its own largest value: most are far below that of all.

    Parameters
    ----------
    values : ndarray of int
        None negative; part by part.
    sizes : ndarray of int, shape (n_parts,)
        Number of values of each, at least 1.

    Examples
    --------
    >>> [x.tolist() for x in distinct_values(np.array([7, 2, 7, 0, 0]), np.array([3, 2]))]
    [[0, 0, 1], [2, 7, 0], [1, 2, 2]]
    """
    width = np.maximum.reduceat(values, ragged.starts(sizes)) + 1
    offset = ragged.starts(width)
    counts = np.bincount(values + np.repeat(offset, sizes))
    entry = np.flatnonzero(counts)
    part = np.searchsorted(offset, entry, side="right") - 1
    return part, entry - offset[part], counts[entry]


def comonotonic_sums(
    part: np.ndarray,
    value: np.ndarray,
    counts: np.ndarray,
    sizes: np.ndarray,
    group: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The sum of each group's parts at their common quantile: group, value, probability.

    As the quantile rises from 0 to 1, a part steps from one of its values to the next where their
    shares up to there are passed; the group's sum steps with it.

    Parameters
    ----------
    part, value, counts : ndarray of int, shape (n_entries,)
        As of `distinct_values`.
    sizes, group : ndarray of int, shape (n_parts,)
        Number of values of each part; its group, from 0, each with a part at least.

    Examples
    --------
    1 or 2, and 0, 0, 0 or 5. The sums are 1 up to a half, 2 up to three quarters, then 7:

    >>> table = distinct_values(np.array([1, 2, 0, 0, 0, 5]), np.array([2, 4]))
    >>> found = comonotonic_sums(*table, np.array([2, 4]), np.array([0, 0]))
    >>> [x.tolist() for x in found]
    [[0, 0, 0], [1, 2, 7], [0.5, 0.25, 0.25]]
    """
    opens = ragged.changes(part)
    passed = np.cumsum(counts)
    passed -= np.repeat(
        (passed - counts)[opens], np.diff(np.append(np.flatnonzero(opens), len(part)))
    )
    lowest = np.bincount(group[part[opens]], value[opens]).astype(np.int64)
    steps = np.flatnonzero(~opens)
    # Whole numbers before division: equal shares are equal, and parts step together there.
    at = passed[steps - 1] / sizes[part[steps]]
    of_step, rise = group[part[steps]], value[steps] - value[steps - 1]
    n_groups = len(lowest)
    term = np.concatenate([np.arange(n_groups), of_step])
    begins = np.concatenate([np.zeros(n_groups), at])
    order = np.lexsort((begins, term))
    term, begins = term[order], begins[order]
    risen = np.cumsum(np.concatenate([np.zeros(n_groups, np.int64), rise])[order])
    start = np.searchsorted(term, np.arange(n_groups))
    total = lowest[term] + risen - risen[start][term]
    ends = np.append(begins[1:], 1.0)
    ends[np.append(start[1:], len(term)) - 1] = 1.0
    lasts = ends > begins
    return term[lasts], total[lasts], (ends - begins)[lasts]
