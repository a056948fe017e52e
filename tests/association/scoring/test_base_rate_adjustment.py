"""F1 at another base rate: by hand, at its own, and as counted where residues are left out."""

import numpy as np
import pytest

from protsae.association.scoring.base_rate_adjustment import (
    f1_at_base_rate,
    false_positive_rate,
    rates_of,
)
from protsae.association.scoring.metrics import f1_score


def test_by_hand() -> None:
    # 1,000 residues of which 10 have the concept: 8 found, 99 of 990 others on.
    f1 = f1_at_base_rate(np.array(0.8), np.array(0.1), np.array(0.01))
    assert float(f1) == pytest.approx(2 * 8 / (8 + 99 + 10))


def test_at_its_own_base_rate_it_is_f1() -> None:
    rng = np.random.default_rng(0)
    n = rng.integers(2, 1000, 500)
    positives = rng.integers(1, n)
    tp = rng.integers(0, positives + 1)
    on = tp + rng.integers(0, n - positives + 1)
    rate = false_positive_rate(tp, on, positives, n)
    found = f1_at_base_rate(tp / positives, rate, positives / n)
    np.testing.assert_allclose(found, f1_score(tp, on, positives), rtol=1e-12)


def test_negatives_left_out_at_random_are_foreseen() -> None:
    """Of 10,000 negatives every tenth is kept: what is counted then is what was foreseen."""
    on_positives, on_negatives = np.arange(100) < 70, np.arange(10_000) % 100 < 10
    counts = np.array([70, 70 + on_negatives.sum(), 100, 10_100])
    rate = false_positive_rate(*counts)
    kept = np.arange(10_000) % 1000 < 100
    counted = f1_score(np.array(70), np.array(70 + on_negatives[kept].sum()), np.array(100))
    assert on_positives.sum() == 70
    assert f1_at_base_rate(np.array(0.7), rate, np.array(100 / 1100)) == pytest.approx(counted)


def test_nothing_on_and_nothing_known_of_the_rate() -> None:
    none = np.zeros(2)
    assert f1_at_base_rate(none, none, np.array([0.0, 0.1])).tolist() == [0, 0]
    assert np.isnan(f1_at_base_rate(np.array(1.0), np.array(0.0), rates_of(["MOTIF"], {}))).all()
    # All residues have the concept: no others can be on.
    assert false_positive_rate(np.array(3), np.array(3), np.array(5), np.array(5)) == 0
