import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from protsae.sparse_probes.logistic_fit import RIDGE, fit_logistic


@pytest.mark.parametrize("seed", range(5))
def test_the_weights_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n_rows, k = 5003, 1 + seed  # more than one chunk
    x = rng.normal(size=(n_rows, k)) * rng.uniform(0.1, 9, k) + rng.normal(size=k)
    y = rng.random(n_rows) < expit(x @ rng.normal(size=k) - 2)
    found = fit_logistic(x, np.ones(n_rows), y.astype(float))
    scale = x.std(0)
    reference = LogisticRegression(C=1 / (n_rows * RIDGE), tol=1e-10, max_iter=1000)
    reference.fit(x / scale, y)
    np.testing.assert_allclose(found[:-1], reference.coef_[0] / scale, rtol=1e-3)
    np.testing.assert_allclose(found[-1], reference.intercept_[0], rtol=1e-3)


def test_rows_that_stand_for_several_residues() -> None:
    rng = np.random.default_rng(0)
    distinct, n = rng.normal(size=(7, 2)), rng.integers(3, 11, 7)
    positives = rng.integers(1, n)
    each = np.repeat(distinct, n, axis=0)
    has = np.concatenate([np.arange(m) < y for m, y in zip(n, positives, strict=True)])
    one_by_one = fit_logistic(each, np.ones(len(each)), has.astype(float))
    together = fit_logistic(distinct, n.astype(float), positives.astype(float))
    np.testing.assert_allclose(together, one_by_one, rtol=1e-9)


def test_where_it_starts_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(307, 3))
    y = (x[:, 0] + rng.normal(size=307) > 1).astype(float)
    own = fit_logistic(x, np.ones(307), y)
    far = fit_logistic(x, np.ones(307), y, np.array([-9.0, 30.0, 4.0, -7.0]))
    np.testing.assert_allclose(far, own, rtol=1e-4, atol=1e-6)


def test_a_column_that_tells_the_concept_exactly_has_finite_weights() -> None:
    x = np.repeat([0.0, 1.0], 50)[:, None]
    weights = fit_logistic(x, np.ones(100), x[:, 0])
    assert np.isfinite(weights).all()
    assert expit(x @ weights[:-1] + weights[-1]).round(1).tolist() == x[:, 0].tolist()


@pytest.mark.parametrize(("positives", "bias"), [(0.0, -np.log(9)), (1.0, np.log(9))])
def test_no_or_every_residue_has_the_concept(positives: float, bias: float) -> None:
    x = np.arange(4.0)[:, None]
    found = fit_logistic(x, np.ones(4), np.full(4, positives))
    # Half a residue of each kind is added: odds of 0.5 to 4.5.
    np.testing.assert_allclose(found, [0, bias])
