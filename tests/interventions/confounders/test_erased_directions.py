"""Directions of a confounder, and what is left without them."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from protsae.interventions.confounders.erased_directions import (
    least_squares_erasure,
    mean_difference,
    probe_directions,
)
from protsae.interventions.confounders.weighted_probe import fit_weighted_probe


def rows() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    confounder = rng.random(199) < 0.3
    x = rng.normal(size=(199, 11)) @ rng.normal(size=(11, 11)) + 2
    x += confounder[:, None] * rng.normal(size=11)
    return x, confounder, rng.random(199)


def without(x: np.ndarray, basis: np.ndarray) -> np.ndarray:
    left: np.ndarray = x - (x @ basis.T) @ basis
    return left


def erased(x: np.ndarray, confounder: np.ndarray, weight: np.ndarray) -> np.ndarray:
    read, write = least_squares_erasure(x, confounder, weight)
    left: np.ndarray = x - read(x) @ write
    return left


def test_the_erasure_is_that_of_the_paper() -> None:
    """r(x) = x - W^-1 P W (x - m), W = S^-1/2, P the projection on W c (theorem 4.3)."""
    x, confounder, weight = rows()
    share = weight / weight.sum()
    mean = share @ x
    whiten = np.linalg.inv(np.real(sqrtm(np.cov(x.T, aweights=weight, ddof=0))))
    c = (share * (confounder - share @ confounder)) @ (x - mean)
    along = whiten @ c / np.linalg.norm(whiten @ c)
    change = (x - mean) @ (np.linalg.inv(whiten) @ np.outer(along, along) @ whiten).T
    np.testing.assert_allclose(erased(x, confounder, weight), x - change, atol=1e-9)


def test_no_probe_tells_the_confounder_after_the_erasure() -> None:
    x, confounder, weight = rows()
    left = erased(x, confounder, weight)
    probe = fit_weighted_probe(left, confounder, weight, 1e-6)
    assert np.abs((left - left.mean(0)) @ probe.weights).max() < 1e-6
    before = fit_weighted_probe(x, confounder, weight, 1e-6)
    assert np.abs((x - x.mean(0)) @ before.weights).max() > 0.5


def test_the_erasure_of_what_is_not_there_changes_nothing() -> None:
    x = np.array([[0.0, 1], [2, 5], [0, 1], [2, 5]])
    confounder = np.array([False, False, True, True])
    assert erased(x, confounder, np.ones(4)).tolist() == x.tolist()


def test_the_mean_difference_is_within_labels() -> None:
    """Most with the label have the confounder; the label's axis is no part of the difference."""
    label = np.array([False] * 5 + [True] * 5)
    confounder = np.array([False] * 4 + [True] * 5 + [False])
    x = np.stack([10.0 * label, 3.0 * confounder, np.zeros(10)], 1)
    assert mean_difference(x, label, confounder).tolist() == [[0, 1, 0]]


def test_each_probe_direction_is_orthogonal_to_the_last_and_tells_less() -> None:
    x, confounder, weight = rows()
    basis = probe_directions(x, confounder, weight, 5, 0.01)
    np.testing.assert_allclose(basis @ basis.T, np.eye(5), atol=1e-9)
    left = without(x, basis)
    np.testing.assert_allclose(left @ basis.T, 0, atol=1e-9)
    sizes = [
        np.abs(fit_weighted_probe(without(x, basis[:n]), confounder, weight, 0.01).logits(x)).std()
        for n in (0, 5)
    ]
    assert sizes[1] < sizes[0]


def test_there_are_no_more_directions_than_coordinates() -> None:
    x, confounder, weight = rows()
    basis = probe_directions(x[:, :3], confounder, weight, 64, 0.01)
    assert len(basis) == 3
    assert np.abs(without(x[:, :3], basis)).max() == pytest.approx(0, abs=1e-9)
