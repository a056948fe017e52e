import numpy as np
import pytest
from scipy import sparse

from protsae.association.scoring.thresholds import passed_thresholds, positive_quantiles


def column(values: list[float]) -> sparse.csc_array:
    return sparse.csc_array(np.array(values, np.float32)[:, None])


@pytest.mark.parametrize(
    ("quantile", "threshold"),
    [
        pytest.param(0.0, 0.0, id="any activity"),
        pytest.param(0.01, 1.0, id="smallest"),
        pytest.param(0.25, 1.0, id="just a quarter"),
        pytest.param(0.26, 2.0, id="a little more than a quarter"),
        pytest.param(0.5, 2.0, id="half"),
        pytest.param(0.75, 3.0, id="three quarters"),
        pytest.param(0.99, 4.0, id="largest, never exceeded"),
    ],
)
def test_by_hand(quantile: float, threshold: float) -> None:
    found = positive_quantiles(column([0, 3, 0, 1, 4, 0, 2]), [quantile])
    assert found.tolist() == [[threshold]]
    assert found.dtype == np.float32


def test_against_numpy() -> None:
    rng = np.random.default_rng(0)
    activations = np.maximum(rng.normal(size=(101, 7)), 0).astype(np.float32)
    quantiles = [0.0, 0.25, 0.5, 0.9, 0.97]
    found = positive_quantiles(sparse.csc_array(activations), quantiles)
    for feature in range(7):
        positive = activations[activations[:, feature] > 0, feature]
        expected = np.quantile(positive, quantiles[1:], method="inverted_cdf")
        np.testing.assert_array_equal(found[:, feature], [0, *expected])


def test_ascending_whatever_the_order_of_quantiles() -> None:
    activations = column([1, 2, 3, 4])
    assert positive_quantiles(activations, [0.75, 0, 0.25]).ravel().tolist() == [0, 1, 3]


def test_a_feature_that_is_never_active_here_is_on_wherever_it_is_active() -> None:
    activations = sparse.csc_array(np.array([[0, 1, 0], [0, 2, 0]], np.float32))
    found = positive_quantiles(activations, [0, 0.5])
    assert found.tolist() == [[0, 0, 0], [np.inf, 1, np.inf]]


def test_a_single_activation() -> None:
    assert positive_quantiles(column([0, 5]), [0, 0.5, 0.9]).ravel().tolist() == [0, 5, 5]


def test_thresholds_passed_by_hand() -> None:
    """Equal to a threshold is not above it; infinity is never passed."""
    activations = sparse.csr_array(np.array([[1, 2, 9], [0, 3, 0]], np.float32))
    thresholds = np.array([[0, 2, np.inf], [1, 2, np.inf]], np.float32)
    passed = passed_thresholds(activations, thresholds)
    assert passed.toarray().tolist() == [[1, 0, 0], [0, 2, 0]]
    assert (passed.nnz, passed.dtype, activations.nnz) == (2, np.uint8, 4)


def test_as_many_thresholds_as_can_be_counted() -> None:
    """255 and no more: numbers are bytes."""
    activations = sparse.csr_array(np.full((1, 1), 300, np.float32))
    assert passed_thresholds(activations, np.arange(255)[:, None]).toarray().tolist() == [[255]]


def test_more_thresholds_than_can_be_counted() -> None:
    with pytest.raises(ValueError, match="256 thresholds; at most 255 fit"):
        passed_thresholds(sparse.csr_array((3, 2)), np.zeros((256, 2)))
