import numpy as np
import pytest

from protsae.sparse_probes.forward_selection import NONE, forward_selection


def selected(x: np.ndarray, y: np.ndarray, n_steps: int) -> np.ndarray:
    x, y = x - x.mean(0), y - y.mean(0)
    return forward_selection(lambda own: x.T @ x[:, own], (x * x).sum(0), x.T @ y, n_steps)


def stepwise(x: np.ndarray, y: np.ndarray, n_steps: int) -> list[int]:
    """By trying: every column beside those chosen, in a least-squares fit with an intercept."""
    chosen: list[int] = []
    for _ in range(n_steps):
        error = {}
        for column in set(range(x.shape[1])) - set(chosen):
            fitted = np.column_stack([x[:, [*chosen, column]], np.ones(len(x))])
            weights = np.linalg.lstsq(fitted, y, rcond=None)[0]
            error[column] = ((fitted @ weights - y) ** 2).sum()
        chosen.append(min(error, key=error.__getitem__))
    return chosen


@pytest.mark.parametrize("seed", range(5))
def test_each_step_takes_the_column_that_a_search_takes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(97, 11)) @ rng.normal(size=(11, 11))
    y = (x @ rng.normal(size=(11, 3)) > 1).astype(float)
    found = selected(x, y, 7)
    assert found.shape == (7, 3)
    for target in range(3):
        assert found[:, target].tolist() == stepwise(x, y[:, target], 7)


def test_what_repeats_a_column_or_never_varies_is_not_taken() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 53))
    x = np.column_stack([first, 2 * first, np.ones(53), second])
    y = (3 * first + second)[:, None]
    assert selected(x, y, 3).ravel().tolist() == [0, 3, NONE]


def test_nothing_to_explain() -> None:
    x = np.random.default_rng(0).normal(size=(13, 2))
    assert selected(x, np.zeros((13, 1)), 2).ravel().tolist() == [NONE, NONE]
