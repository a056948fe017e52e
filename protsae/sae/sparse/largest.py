"""Which pre-activations are the largest: of each row, or of a whole batch.

On the CPU by numpy's vectorised partition, four times as fast as torch.topk; elsewhere by torch.
Only positive ones count; of equal ones at the edge, the first features (and rows) are taken.
"""

import numpy as np
import torch
from torch import Tensor

from protsae.sae.sparse.support import Support


def largest_in_rows(pre_NF: Tensor, k: int) -> Support:
    """The k largest of each row, if positive.

    Examples
    --------
    >>> found = largest_in_rows(torch.tensor([[1.0, 3.0, 2.0], [-1.0, 5.0, -2.0]]), 2)
    >>> found.rows.tolist(), found.features.tolist()
    ([0, 0, 1], [1, 2, 1])
    """
    if pre_NF.device.type != "cpu":
        return _support(_ranked_in_rows(pre_NF, k), pre_NF)
    n_rows, n_features = pre_NF.shape
    keys_NF = _keys(pre_NF)
    edge_N = np.partition(keys_NF, n_features - k, axis=1)[:, n_features - k]
    wanted_NF = keys_NF >= np.maximum(edge_N, _smallest_positive(keys_NF))[:, None]
    flat = np.flatnonzero(wanted_NF)
    row = flat // n_features
    surplus_N = np.bincount(row, minlength=n_rows) - k
    if (surplus_N > 0).any():
        at_edge = keys_NF.ravel()[flat] == edge_N[row]
        ties_before = np.cumsum(at_edge) - at_edge
        ties_N = np.bincount(row, at_edge, minlength=n_rows).astype(np.int64)
        rank = ties_before - (np.cumsum(ties_N) - ties_N)[row]
        flat = flat[~at_edge | (rank < (ties_N - surplus_N)[row])]
    return _support(torch.from_numpy(flat), pre_NF)


def largest_of_all(pre_NF: Tensor, n: int, hint: float) -> Support:
    """The n largest of all rows together, if positive.

    Parameters
    ----------
    hint : float
        A guess of a value below all of them, to look at fewer; a wrong one costs time alone.
    """
    if pre_NF.device.type != "cpu":
        return _support(_ranked_of_all(pre_NF, n, hint), pre_NF)
    keys = _keys(pre_NF).ravel()
    least = _smallest_positive(keys)
    guess = _keys(torch.tensor([hint], dtype=pre_NF.dtype))[0]
    flat = np.flatnonzero(keys >= max(least, guess))
    if len(flat) < n:
        flat = np.flatnonzero(keys >= least)
    if len(flat) > n:
        found = keys[flat]
        edge = np.partition(found, len(found) - n)[len(found) - n]
        kept = found > edge
        kept[np.flatnonzero(found == edge)[: n - np.count_nonzero(kept)]] = True
        flat = flat[kept]
    return _support(torch.from_numpy(flat), pre_NF)


def fired(f_NF: Tensor) -> Tensor:
    """bool, shape (n_features,): positive on at least one row."""
    if f_NF.device.type != "cpu":
        return f_NF.amax(0) > 0
    return torch.from_numpy(_keys(f_NF.detach()).max(0) > 0)


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


def _keys(pre: Tensor) -> np.ndarray:
    """Numbers that order positive values as they are and lie below 1 for the others.

    The bits of positive bfloat16 ascend as integers do, negative ones have the sign bit; numpy
    partitions 16-bit integers several times as fast as floats.
    """
    if pre.dtype == torch.bfloat16:
        return pre.view(torch.int16).numpy()
    return pre.numpy()


def _smallest_positive(keys: np.ndarray) -> np.generic:
    if keys.dtype == np.int16:
        return np.int16(1)
    return np.nextafter(keys.dtype.type(0), keys.dtype.type(1))


def _support(flat: Tensor, pre_NF: Tensor) -> Support:
    n_rows, n_features = pre_NF.shape
    rows = flat // n_features
    return Support(rows, flat - rows * n_features, n_rows, n_features)
