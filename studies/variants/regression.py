"""Ridge regression of measured scores on a few variants, and how well it ranks those held out.

Each block of columns is centred and scaled by its total variance, so that a block of 1,000 columns
and one of a single column start equal. The penalty is chosen by 5-fold cross-validation within the
training set, whose folds keep sites together where the split does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from studies.variants.rank_correlation import spearman

PENALTIES = tuple(10.0**power for power in range(-4, 3))
"""Per training variant: with blocks of unit variance, 1 halves what one block could explain."""

N_FOLDS = 5
N_GROUPS = 20
"""Groups of sites that are left out in turn."""

ROWS = 1024
"""Test variants whose inputs are scaled at a time."""


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


def chosen_penalty(blocks: Sequence[np.ndarray], measured: np.ndarray, split: Split) -> float:
    """That of the least squared error in the folds of the training set."""
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
    return PENALTIES[len(PENALTIES) - 1 - int(errors[::-1].argmin())]


def products(blocks: Sequence[np.ndarray], split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Inner products of the training set with itself and of the test set with it.

    Shapes (n_train, n_train) and (n_test, n_train). Few test rows are scaled at a time.
    """
    n = len(split.train)
    of_test = []
    for first in range(0, len(split.test), ROWS):
        rows = np.concatenate([split.train, split.test[first : first + ROWS]])
        x = scaled([block[rows] for block in blocks], np.arange(n))
        of_test.append(x[n:] @ x[:n].T)
    return x[:n] @ x[:n].T, np.concatenate(of_test)


def predicted(inner: np.ndarray, of_test: np.ndarray, y: np.ndarray, penalty: float) -> np.ndarray:
    """What ridge predicts of the test set, up to a constant, from inner products.

    Parameters
    ----------
    inner : ndarray, float64, shape (n_train, n_train)
    of_test : ndarray, float64, shape (n_test, n_train)
    y : ndarray, float64, shape (n_train,)

    Examples
    --------
    >>> x, y = np.array([[1.0], [-1.0]]), np.array([3.0, -1.0])
    >>> predicted(x @ x.T, np.array([[2.0]]) @ x.T, y, 1.0).tolist()
    [2.0]
    """
    n = len(y)
    mean = inner.mean(0)
    centred = inner - mean - mean[:, None] + mean.mean()
    found: np.ndarray = of_test @ np.linalg.solve(centred + n * penalty * np.eye(n), y - y.mean())
    return found


@dataclass(frozen=True)
class Ranking:
    """How well something ranks held-out variants.

    Attributes
    ----------
    by_split : float64, shape (n_splits,)
        Spearman's correlation with what was measured.
    without : float64, shape (n_groups,)
        Its mean over splits without the variants of each group of sites.
    """

    by_split: np.ndarray
    without: np.ndarray

    def less(self, other: "Ranking") -> "Ranking":
        """The difference."""
        return Ranking(self.by_split - other.by_split, self.without - other.without)

    @property
    def mean(self) -> float:
        """Over splits."""
        return float(self.by_split.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean, by the delete-a-group jackknife with Student's t.

        References
        ----------
        Kott 2001, Journal of Official Statistics 17:521.

        Examples
        --------
        >>> low, high = Ranking(np.array([0.5, 0.7]), np.array([0.55, 0.6, 0.65])).interval
        >>> round(low, 2), round(high, 2)
        (0.35, 0.85)
        """
        n = len(self.without)
        error = np.sqrt((n - 1) / n * ((self.without - self.without.mean()) ** 2).sum())
        reach = float(stats.t.ppf(0.975, n - 1) * error)
        return self.mean - reach, self.mean + reach


def compared(
    inputs: Mapping[str, Sequence[np.ndarray]],
    scores: Mapping[str, np.ndarray],
    measured: np.ndarray,
    site: np.ndarray,
    n_train: int,
    n_splits: int,
    by_site: bool,
) -> dict[str, Ranking]:
    """Ranking of held-out variants by ridge on each input, and by scores that need no training.

    Estimated is the mean over random splits of scans of this protein, had other sites of the same
    kind been measured. Splits share variants, and variants of a site depend on each other; so sites
    are dealt into `N_GROUPS` groups, and all is done again without each: its variants are left out
    of training and test sets of all splits. Penalties and scales stay.
    """
    sites, owner = np.unique(site, return_inverse=True)
    dealt = np.random.default_rng(len(sites)).permutation(len(sites))
    group = (dealt % min(N_GROUPS, len(sites)))[owner]
    by_split: dict[str, list[float]] = {name: [] for name in (*inputs, *scores)}
    without: dict[str, list[list[float]]] = {name: [] for name in by_split}
    for split in splits(site, n_train, n_splits, by_site):
        y, held_out = measured[split.train], measured[split.test]
        of_train, of_test = group[split.train], group[split.test]
        for name, blocks in inputs.items():
            penalty = chosen_penalty(blocks, measured, split)
            inner, outer = products(blocks, split)
            by_split[name].append(spearman(predicted(inner, outer, y, penalty), held_out))
            left = []
            for own in np.unique(group):
                train, test = of_train != own, of_test != own
                parts = inner[np.ix_(train, train)], outer[np.ix_(test, train)], y[train]
                left.append(spearman(predicted(*parts, penalty), held_out[test]))
            without[name].append(left)
        for name, score in scores.items():
            own_score = score[split.test]
            by_split[name].append(spearman(own_score, held_out))
            kept = [of_test != own for own in np.unique(group)]
            without[name].append([spearman(own_score[one], held_out[one]) for one in kept])
    return {
        name: Ranking(np.array(values), np.mean(without[name], axis=0))
        for name, values in by_split.items()
    }
