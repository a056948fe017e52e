"""Which pre-activations are the largest: of each row, or of a whole batch.

On the CPU by loops of our own, five times as fast as torch.topk; elsewhere by torch.
Only positive ones count; of equal ones at the edge, the first features (and rows) are taken.
"""

import numpy as np
import torch
from torch import Tensor

from protsae.sae.sparse.support import Support
from protsae.statistics.compiled import compiled


def largest_in_rows(pre_NF: Tensor, k: int) -> Support:
    """The k largest of each row, if positive.

    Examples
    --------
    >>> found = largest_in_rows(torch.tensor([[1.0, 3.0, 2.0], [-1.0, 5.0, -2.0]]), 2)
    >>> found.rows.tolist(), found.features.tolist()
    ([0, 0, 1], [1, 2, 1])
    """
    if pre_NF.device.type != "cpu":
        return Support.at(_ranked_in_rows(pre_NF, k), *pre_NF.shape)
    n_rows, n_features = pre_NF.shape
    rows, features = np.empty((2, n_rows * k + 1), np.int64)
    stride = _first_stride(pre_NF.dtype)
    n = _choose(keys(pre_NF.contiguous()), k, min(GROUPS * k, n_features), stride, rows, features)
    places = torch.from_numpy(rows[:n]), torch.from_numpy(features[:n])
    return Support(*places, n_rows, n_features)


def largest_of_all(pre_NF: Tensor, n: int, hint: float) -> Support:
    """The n largest of all rows together, if positive.

    Parameters
    ----------
    hint : float
        A guess of a value below all of them, to look at fewer; a wrong one costs time alone.
    """
    if pre_NF.device.type != "cpu":
        return Support.at(_ranked_of_all(pre_NF, n, hint), *pre_NF.shape)
    flat_keys = keys(pre_NF).ravel()
    guess = keys(torch.tensor([hint], dtype=pre_NF.dtype))[0]
    flat = np.flatnonzero(flat_keys >= max(LEAST, guess))
    if len(flat) < n:
        flat = np.flatnonzero(flat_keys >= LEAST)
    if len(flat) > n:
        found = flat_keys[flat]
        edge = np.partition(found, len(found) - n)[len(found) - n]
        kept = found > edge
        kept[np.flatnonzero(found == edge)[: n - np.count_nonzero(kept)]] = True
        flat = flat[kept]
    return Support.at(torch.from_numpy(flat), *pre_NF.shape)


def fired(f_NF: Tensor) -> Tensor:
    """bool, shape (n_features,): positive on at least one row."""
    if f_NF.device.type != "cpu":
        return f_NF.amax(0) > 0
    return torch.from_numpy(keys(f_NF.detach()).max(0) > 0)


KEYS = {torch.bfloat16: torch.int16, torch.float32: torch.int32, torch.float64: torch.int64}
LEAST = 1
"""Of the keys of positive numbers."""


def keys(pre: Tensor) -> np.ndarray:
    """Integers that order positive numbers as they are and are negative or 0 for the others.

    The bits of positive numbers ascend as integers do, negative ones have the sign bit; integers
    are compared faster than floats, which may be NaN. A NaN counts as large, so that it shows.
    """
    return pre.view(KEYS[pre.dtype]).numpy()


GROUPS = 4
"""Groups in a row, per k, to bound its k-th largest: 15 % more than k reach the bound."""


def _first_stride(dtype: torch.dtype) -> int:
    """By how much a guess of a key is corrected first: 1/32 of what doubles a number."""
    return max(1, int(1 / torch.finfo(dtype).eps) // 32)


@compiled
def _choose(
    keys_NF: np.ndarray,
    k: int,
    n_groups: int,
    stride: int,
    rows: np.ndarray,
    features: np.ndarray,
) -> int:
    """Write the places of the k largest keys of each row, ascending, and say how many there are.

    What reaches the k-th largest maximum of a group (every ``n_groups``-th key is in one) is few,
    and has the k largest among it. Numbers near the k-th largest are found by counting what
    reaches a guess, which the processor does for many keys at once.
    """
    dtype, n_features = keys_NF.dtype.type, keys_NF.shape[1]
    largest_G = np.empty(n_groups, keys_NF.dtype)
    near, near_keys = np.empty(n_features, np.int64), np.empty(n_features, keys_NF.dtype)
    found, bound, edge = 0, LEAST, LEAST
    for row in range(len(keys_NF)):
        row_keys, begin = keys_NF[row], found
        _group_maxima(row_keys, largest_G)
        bound = _reached_by(largest_G, k, k + k // 4, stride, bound)
        n_near = 0
        for feature in range(n_features):
            if row_keys[feature] >= bound:
                near[n_near], near_keys[n_near] = feature, row_keys[feature]
                n_near += 1
        edge = _reached_by(near_keys[:n_near], k, k, stride, max(bound, edge))
        n_ties = k - _n_reaching(near_keys[:n_near], dtype(edge + 1))
        for place in range(n_near):
            is_tie = near_keys[place] == edge
            if found < begin + k and (near_keys[place] > edge or (is_tie and n_ties > 0)):
                n_ties -= is_tie
                features[found] = near[place]
                found += 1
        rows[begin:found] = row
    return found


@compiled
def _reached_by(values: np.ndarray, fewest: int, most: int, stride: int, guess: int) -> int:
    """A number from ``LEAST`` up that ``fewest`` to ``most`` of the values reach.

    Where ties leave none, the largest that more reach; ``LEAST`` where fewer reach it.
    """
    dtype, top = values.dtype.type, np.iinfo(values.dtype).max
    low, high = LEAST - 1, top  # as long as nothing is known
    while high - low > 1:
        n = _n_reaching(values, dtype(guess))
        if fewest <= n <= most or (n < fewest and guess == LEAST):
            return guess
        if n > most:
            low = guess
        else:
            high = guess
        if low < LEAST:
            guess = max(high - stride, LEAST)
        elif high == top:
            guess = low + min(stride, high - low - 1)
        else:
            guess = low + (high - low) // 2
        stride *= 2
    return low


@compiled
def _n_reaching(values: np.ndarray, least: int) -> int:
    n = np.int32(0)  # of the width of the values, to be added up as they are compared
    for place in range(values.size):
        if values[place] >= least:
            n = np.int32(n + np.int32(1))
    return int(n)


@compiled
def _group_maxima(values: np.ndarray, largest: np.ndarray) -> None:
    """Value i belongs to group i modulo their number; what is left over at the end, to none."""
    n_groups = len(largest)
    largest[:] = values[:n_groups]
    for first in range(n_groups, len(values) - n_groups + 1, n_groups):
        part = values[first : first + n_groups]
        for group in range(n_groups):
            largest[group] = max(largest[group], part[group])


def _ranked_in_rows(pre_NF: Tensor, k: int) -> Tensor:
    """Flat places by torch alone, ascending; ties as sorting happens to break them."""
    values_NK, features_NK = pre_NF.topk(k, dim=1, sorted=False)
    # Marked and read in order, which takes a third of the time of sorting.
    chosen_NF = torch.zeros_like(pre_NF, dtype=torch.bool).scatter_(1, features_NK, values_NK > 0)
    return chosen_NF.flatten().nonzero().squeeze(1)


def _ranked_of_all(pre_NF: Tensor, n: int, hint: float) -> Tensor:
    pre = pre_NF.flatten()
    flat = (pre > max(hint, 0)).nonzero().squeeze(1)
    if len(flat) < n and hint > 0:
        flat = (pre > 0).nonzero().squeeze(1)
    if len(flat) > n:
        largest = pre[flat].topk(n, sorted=False).indices
        flat = flat[torch.zeros_like(flat, dtype=torch.bool).index_fill_(0, largest, True)]
    return flat
