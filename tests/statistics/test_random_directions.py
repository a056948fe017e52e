"""How large a quadratic form is for a random direction."""

import numpy as np
import pytest
from scipy.stats import beta, kstest

from protsae.statistics.random_directions import random_direction_p


@pytest.mark.parametrize("d_model", [3, 7, 128])
def test_one_vector_is_a_beta_law(d_model):
    # (v . u)^2 / |v|^2 ~ Beta(1/2, (d - 1) / 2).
    v = np.zeros((1, d_model))
    v[0, 0] = 5.0
    for cosine in (0.05, 0.3, 0.6, 0.9):
        direction = np.zeros(d_model)
        direction[:2] = 7 * cosine, 7 * np.sqrt(1 - cosine**2)
        expected = beta.sf(cosine**2, 0.5, (d_model - 1) / 2)
        assert random_direction_p(v, direction) == pytest.approx(expected, rel=0.15, abs=0)


@pytest.mark.parametrize("units", [1e-120, 1.0, 1e120])
@pytest.mark.parametrize(("n", "d_model"), [(2, 7), (6, 7), (10, 11), (13, 17)])
def test_equal_vectors_are_a_beta_law_at_either_end(n: int, d_model: int, units: float) -> None:
    """Of n orthogonal ones: sum_i u_i^2 ~ Beta(n / 2, (d - n) / 2)."""
    vectors = units * np.eye(n, d_model)
    for square in (0.05, 0.3, 0.6, 0.9):
        direction = np.zeros(d_model)
        direction[[0, -1]] = np.sqrt(square), np.sqrt(1 - square)
        found, law = random_direction_p(vectors, direction), beta(n / 2, (d_model - n) / 2)
        assert found == pytest.approx(law.sf(square), rel=0.15, abs=0)
        assert 1 - found == pytest.approx(law.cdf(square), rel=0.15, abs=0)
    assert random_direction_p(vectors, np.eye(d_model)[0]) == 0.0


@pytest.mark.parametrize("d_model", [3, 7, 128])
def test_one_vector_whose_sum_is_the_mean_of_all_directions(d_model: int) -> None:
    """There the saddle point is 0, and the formula is its limit; cos^2 is 1 / d on average."""
    v = np.eye(1, d_model) * 5
    expected = beta.sf(1 / d_model, 0.5, (d_model - 1) / 2)
    assert random_direction_p(v, np.ones(d_model)) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("d_model", [3, 7])
def test_p_falls_close_to_the_mean_as_elsewhere(d_model: int) -> None:
    """By some 0.001 from 0.2 % below the mean sum to 0.2 % above."""
    p, expected = [], []
    for square in (0.998 / d_model, 1.002 / d_model):
        direction = np.zeros(d_model)
        direction[:2] = np.sqrt(square), np.sqrt(1 - square)
        p.append(random_direction_p(np.eye(1, d_model), direction))
        expected.append(beta.sf(square, 0.5, (d_model - 1) / 2))
    assert p[0] - p[1] == pytest.approx(expected[0] - expected[1], rel=0.1)


@pytest.mark.parametrize(("n", "d_model"), [(2, 5), (13, 31), (37, 11)])
def test_it_is_the_share_of_random_directions_that_reach_as_far(n, d_model):
    rng = np.random.default_rng(n)
    vectors = rng.normal(size=(n, d_model)) * rng.exponential(size=(n, 1))
    u = rng.normal(size=(100_000, d_model))
    reached = np.square((u / np.linalg.norm(u, axis=1, keepdims=True)) @ vectors.T).sum(1)
    for index in np.argsort(reached)[[500, 20_000, 50_000, 90_000, 99_500]]:
        share = (reached >= reached[index]).mean()
        assert random_direction_p(vectors, u[index]) == pytest.approx(
            share, rel=0.2 if d_model < 10 else 0.08
        )


@pytest.mark.parametrize("scale", [1.0, 5.0])
def test_a_root_of_equal_columns_is_a_sphere_of_fewer_dimensions(scale: float) -> None:
    """Of 11 dimensions u has the first seven alone."""
    v = np.eye(1, 11) * 3
    for cosine in (0.05, 0.3, 0.6, 0.9):
        direction = np.array([cosine, np.sqrt(1 - cosine**2), *[0.0] * 9])
        expected = beta.sf(cosine**2, 0.5, (7 - 1) / 2)
        found = random_direction_p(v, direction, scale * np.eye(11, 7))
        assert found == pytest.approx(expected, rel=0.15, abs=0)


def test_with_a_root_it_is_the_share_of_its_directions_that_reach_as_far() -> None:
    rng = np.random.default_rng(0)
    vectors, root = rng.normal(size=(13, 31)), rng.normal(size=(31, 17))
    x = rng.normal(size=(100_000, 17)) @ root.T
    reached = np.square((x / np.linalg.norm(x, axis=1, keepdims=True)) @ vectors.T).sum(1)
    for index in np.argsort(reached)[[500, 20_000, 50_000, 90_000, 99_500]]:
        share = (reached >= reached[index]).mean()
        assert random_direction_p(vectors, x[index], root) == pytest.approx(share, rel=0.1)


def test_p_is_uniform_for_random_directions():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(24, 64)) * rng.exponential(size=(24, 1)) ** 2
    found = [random_direction_p(vectors, rng.normal(size=64)) for _ in range(2000)]
    assert kstest(found, "uniform").pvalue > 0.01


def test_far_in_the_tail():
    # The best direction of many equal vectors in one plane: no random one comes near.
    rng = np.random.default_rng(1)
    vectors = np.zeros((20, 320))
    vectors[:, :2] = rng.normal(size=(20, 2))
    direction = np.linalg.svd(vectors)[2][0]
    assert random_direction_p(vectors, direction) < 1e-60
    assert random_direction_p(vectors, np.eye(320)[5]) > 0.99


def test_degenerate_input():
    assert random_direction_p(np.zeros((0, 5)), np.ones(5)) == 1.0
    assert random_direction_p(np.ones((2, 5)), np.zeros(5)) == 1.0
    assert random_direction_p(np.zeros((2, 5)), np.ones(5)) == 1.0
    assert random_direction_p(np.eye(5), np.ones(5)) == 1.0  # all directions are alike
    assert random_direction_p(np.eye(2, 5), np.ones(5), np.zeros((5, 0))) == 1.0
