"""Ridge regression of measured scores on a few variants, and how well it ranks those held out.

Each block of columns is centred and scaled by its total variance, so that a block of 1,000 columns
and one of a single column start equal. The penalty is chosen by 5-fold cross-validation within the
training set, whose folds keep sites together where the split does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from studies.variants.rank_correlation import spearman

PENALTIES = tuple(10.0**power for power in range(-4, 3))
"""Per training variant: with blocks of unit variance, 1 halves what one block could explain."""

N_FOLDS = 5


@dataclass(frozen=True)
class Split:
    """Rows to train on, rows to test on, and the fold of each training row."""

    train: np.ndarray
    test: np.ndarray
    fold: np.ndarray


def splits(site: np.ndarray, n_train: int, n_splits: int, by_site: bool) -> Iterator[Split]:
    """Random splits: half of the variants are the test set, ``n_train`` of the others train.

    Parameters
    ----------
    site : ndarray of int, shape (n_variants,)
    by_site : bool
        Half of the sites instead: no site is on both sides, nor in two folds.

    Examples
    --------
    >>> site = np.repeat(np.arange(10), 3)
    >>> (one,) = splits(site, 12, 1, by_site=True)
    >>> len(one.train), set(site[one.train]) & set(site[one.test])
    (12, set())
    """
    for seed in range(n_splits):
        rng = np.random.default_rng((seed, n_train, by_site))
        unit = site if by_site else np.arange(len(site))
        names = rng.permutation(np.unique(unit))
        is_test = np.isin(unit, names[: len(names) // 2])
        train = rng.permutation(np.flatnonzero(~is_test))[:n_train]
        order = {name: i for i, name in enumerate(rng.permutation(np.unique(unit[train])))}
        fold = np.array([order[name] % N_FOLDS for name in unit[train]])
        yield Split(train, np.flatnonzero(is_test), fold)


def scaled(blocks: Sequence[np.ndarray], train: np.ndarray) -> np.ndarray:
    """Blocks side by side, each column centred on the training rows, each block of variance 1.

    Examples
    --------
    >>> scaled([np.array([[0.0, 1.0], [2.0, 1.0]])], np.array([0, 1])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    found = []
    for block in blocks:
        centred = block.astype(np.float64) - block[train].mean(0, dtype=np.float64)
        size = np.sqrt((centred[train] ** 2).sum(1).mean())
        found.append(centred / size if size > 0 else centred)
    return np.concatenate(found, axis=1)


def ridge(x: np.ndarray, y: np.ndarray, penalties: Sequence[float]) -> np.ndarray:
    """Weights (n_columns, n_penalties) that minimise |y - x w|^2 / n + penalty |w|^2.

    By x^T (x x^T + n penalty)^-1 y, from one eigendecomposition.

    Examples
    --------
    >>> ridge(np.array([[1.0], [-1.0]]), np.array([2.0, -2.0]), (0.0001, 1.0)).round(3).tolist()
    [[2.0, 1.0]]
    """
    n = len(x)
    values, vectors = np.linalg.eigh(x @ x.T)
    projected = vectors.T @ y
    shrunk = projected[:, None] / (np.maximum(values, 0)[:, None] + n * np.array(penalties))
    weights: np.ndarray = x.T @ (vectors @ shrunk)
    return weights


def held_out(blocks: Sequence[np.ndarray], measured: np.ndarray, split: Split) -> float:
    """Spearman on the test set, with the penalty of the least squared error in the folds."""
    y = measured[split.train]
    errors = np.zeros(len(PENALTIES))
    for fold in np.unique(split.fold):
        inside, outside = split.fold != fold, split.fold == fold
        if not inside.any():
            continue  # all training variants are of one site
        x = scaled([block[split.train] for block in blocks], np.flatnonzero(inside))
        mean = y[inside].mean()
        weights = ridge(x[inside], y[inside] - mean, PENALTIES)
        errors += ((x[outside] @ weights + mean - y[outside, None]) ** 2).sum(0)
    # The largest of equal ones: a constant prediction ranks nothing, so it is not preferred.
    best = PENALTIES[len(PENALTIES) - 1 - int(errors[::-1].argmin())]
    x = scaled(blocks, split.train)
    weights = ridge(x[split.train], y - y.mean(), (best,))
    return spearman((x[split.test] @ weights)[:, 0], measured[split.test])


def compared(
    inputs: Mapping[str, Sequence[np.ndarray]],
    scores: Mapping[str, np.ndarray],
    measured: np.ndarray,
    site: np.ndarray,
    n_train: int,
    n_splits: int,
    by_site: bool,
) -> dict[str, np.ndarray]:
    """Spearman in each split of ridge on each input, and of scores that need no training."""
    found: dict[str, list[float]] = {name: [] for name in (*inputs, *scores)}
    for split in splits(site, n_train, n_splits, by_site):
        for name, blocks in inputs.items():
            found[name].append(held_out(blocks, measured, split))
        for name, score in scores.items():
            found[name].append(spearman(score[split.test], measured[split.test]))
    return {name: np.array(values) for name, values in found.items()}
