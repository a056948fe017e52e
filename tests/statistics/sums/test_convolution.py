"""Beside convolutions without Fourier transforms."""

import numpy as np
import pytest

from protsae.statistics.sums import convolution as module
from protsae.statistics.sums.convolution import NEGLIGIBLE, convolve


def law_of(start: int, table: np.ndarray, length: int) -> np.ndarray:
    """From 0, with what was left out as 0."""
    law = np.zeros(length)
    law[start : start + len(table)] = table
    return law


def directly(values: list[np.ndarray], shares: list[np.ndarray]) -> np.ndarray:
    law = np.ones(1)
    for own, share in zip(values, shares, strict=True):
        law = np.convolve(law, np.bincount(own, share))
    return law


def found(values: list[np.ndarray], shares: list[np.ndarray]) -> tuple[int, np.ndarray]:
    sizes = np.array([len(own) for own in values])
    return convolve(np.concatenate(values), np.concatenate(shares), np.cumsum(sizes) - sizes)


@pytest.mark.parametrize("at_once", [0, 2**21], ids=["merged in pairs", "term by term"])
@pytest.mark.parametrize("n_terms", range(1, 14))
@pytest.mark.parametrize("widest", [1, 4, 40])
def test_terms_of_many_widths(
    n_terms: int, widest: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one width or of many, an odd number or an even one; some terms are constant."""
    monkeypatch.setattr(module, "AT_ONCE", at_once)
    rng = np.random.default_rng(n_terms)
    values = [np.unique(rng.integers(0, widest + 1, 5)) for _ in range(n_terms)]
    shares = [rng.dirichlet(np.ones(len(own))) for own in values]
    expected = directly(values, shares)
    law = law_of(*found(values, shares), len(expected))
    np.testing.assert_allclose(law, expected, atol=1e-15)


@pytest.mark.parametrize("n_terms", [1, 2, 7])
def test_the_loop_in_python_reads_nothing_outside_of_its_arrays(
    n_terms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compiled does not look. One term is always 0."""
    rng = np.random.default_rng(n_terms)
    values = [np.zeros(1, int), *(np.unique(rng.integers(0, 9, 5)) for _ in range(n_terms))]
    shares = [rng.dirichlet(np.ones(len(own))) for own in values]
    _, expected = found(values, shares)
    monkeypatch.setattr(module, "_add", module._add.__wrapped__)
    _, law = found(values, shares)
    np.testing.assert_allclose(law, expected, rtol=1e-13)


@pytest.mark.parametrize("rare", [0.0, 1e-12], ids=["alike", "with rare large values"])
def test_only_negligible_tails_are_left_out(rare: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """300 terms of 0, 1 or 2; in the second case one term in six may also be 97, very rarely."""
    monkeypatch.setattr(module, "AT_ONCE", 0)
    common = np.array([0.25, 0.5, 0.25])
    values, shares = [np.arange(3)] * 300, [common] * 300
    for term in range(0, 300, 6):
        if rare:
            values[term], shares[term] = np.array([0, 1, 2, 97]), np.append(common - rare / 3, rare)
    expected = directly(values, shares)
    start, table = found(values, shares)
    assert expected[:start].sum() <= NEGLIGIBLE
    assert expected[start + len(table) :].sum() <= NEGLIGIBLE
    assert len(table) < len(expected) / 2
    np.testing.assert_allclose(law_of(start, table, len(expected)), expected, atol=1e-16)


def test_a_term_wider_than_what_is_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 coins, and 0 or, with a probability of 1e-300, 400: it is counted modulo the table."""
    monkeypatch.setattr(module, "AT_ONCE", 0)
    values = [np.arange(2)] * 100 + [np.array([0, 400])]
    shares = [np.full(2, 0.5)] * 100 + [np.array([1, 1e-300])]
    start, table = found(values, shares)
    assert len(table) < 101
    expected = directly(values, shares)
    np.testing.assert_allclose(law_of(start, table, len(expected)), expected, atol=1e-16)


def test_what_has_no_probability_has_no_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a tilt has made a probability 0: far from what is likely, and harmless."""
    monkeypatch.setattr(module, "AT_ONCE", 0)
    values, shares = [np.array([0, 1, 10**6])] * 30, [np.array([0.5, 0.5, 0.0])] * 30
    start, table = found(values, shares)
    expected = directly([np.arange(2)] * 30, [np.full(2, 0.5)] * 30)
    law = law_of(start, table, start + len(table))
    np.testing.assert_allclose(law[:31], expected, atol=1e-15)
    np.testing.assert_allclose(law[31:], 0, atol=1e-15)
