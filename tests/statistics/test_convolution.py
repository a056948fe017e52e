"""Beside convolutions without Fourier transforms."""

import numpy as np
import pytest

from protsae.statistics import convolution as module
from protsae.statistics.convolution import convolve


@pytest.mark.parametrize("at_once", [0, 2**16], ids=["merged in pairs", "all at once"])
@pytest.mark.parametrize("n_terms", range(1, 14))
@pytest.mark.parametrize("widest", [1, 4, 40])
def test_terms_of_many_widths(
    n_terms: int, widest: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one width or of many, an odd number or an even one."""
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    rng = np.random.default_rng(n_terms)
    values = [np.unique(rng.integers(0, widest + 1, 5)) for _ in range(n_terms)]
    shares = [rng.dirichlet(np.ones(len(own))) for own in values]
    expected = np.ones(1)
    for own, share in zip(values, shares, strict=True):
        expected = np.convolve(expected, np.bincount(own, share))
    sizes = np.array([len(own) for own in values])
    found = convolve(np.concatenate(values), np.concatenate(shares), np.cumsum(sizes) - sizes)
    np.testing.assert_allclose(found[: len(expected)], expected, atol=1e-15)
    np.testing.assert_allclose(found[len(expected) :], 0, atol=1e-15)
