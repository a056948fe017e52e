import numpy as np

from protsae.statistics.monotone_share import monotone_share


def test_worked_by_hand() -> None:
    """r = 7 / 14: shares 1/4, 5/8, 4/8 of weights 4, 8, 4; the last two are one of 7/12."""
    found = monotone_share(np.array([[0, 4, 1]]), np.array([[2, 6, 2]]))
    np.testing.assert_allclose(found, [[1 / 4, 7 / 12, 7 / 12]])


def test_rows_do_not_depend_on_each_other() -> None:
    rng = np.random.default_rng(0)
    number = rng.integers(0, 20, (5, 7))
    hits = rng.binomial(number, 0.3)
    together = monotone_share(hits, number)
    for row in range(5):
        np.testing.assert_array_equal(together[[row]], monotone_share(hits[[row]], number[[row]]))
    assert (np.diff(together) >= 0).all()
    assert together.min() > 0
    assert together.max() < 1
