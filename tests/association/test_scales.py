import numpy as np

from protsae.association.scales import ScaleCorrelation

N, F, S = 101, 7, 3


def data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    scales = rng.normal(size=(N, S)).astype(np.float32) + np.float32(50)
    scales[rng.random((N, S)) < 0.1] = np.nan
    activations = np.maximum(rng.normal(size=(N, F)) + np.nan_to_num(scales[:, :1]) / 50, 0)
    return activations.astype(np.float32), scales


def correlate(
    activations: np.ndarray, scales: np.ndarray, cuts: tuple[int, ...] = ()
) -> np.ndarray:
    found = ScaleCorrelation(activations.shape[1], scales.shape[1])
    for a, y in zip(np.split(activations, cuts), np.split(scales, cuts), strict=True):
        found.update(a, y)
    return found.pearson


def test_against_numpy() -> None:
    activations, scales = data()
    found = correlate(activations, scales, cuts=(1, 30))
    for s in range(S):
        defined = ~np.isnan(scales[:, s])
        for f in range(F):
            expected = np.corrcoef(activations[defined, f], scales[defined, s].astype(float))
            np.testing.assert_allclose(found[s, f], expected[0, 1], atol=1e-8)


def test_perfect_correlation_by_hand() -> None:
    activations = np.array([[0, 4], [1, 2], [2, 0]], np.float32)
    np.testing.assert_allclose(correlate(activations, activations[:, :1]), [[1, -1]])


def test_what_does_not_vary_has_no_correlation() -> None:
    """0.1 is no binary fraction: sums of it differ from n times it by rounding, not by variance."""
    rng = np.random.default_rng(1)
    varying = rng.random((1009, 1)).astype(np.float32)
    constant = np.full((1009, 1), 0.1, np.float32)
    dead = np.zeros((1009, 1), np.float32)
    found = correlate(np.hstack([constant, dead]), np.hstack([varying, constant]))
    assert found.tolist() == [[0, 0], [0, 0]]
    assert correlate(varying, constant).tolist() == [[0]]


def test_a_scale_that_is_nowhere_defined() -> None:
    scales = np.full((5, 1), np.nan, np.float32)
    assert correlate(np.eye(5, 2, dtype=np.float32), scales).tolist() == [[0, 0]]
