"""Parts of planted features."""

import numpy as np
import pytest
from scipy import sparse

from protsae.neighbours import split_features
from protsae.neighbours.split_features import covered_shares, parts_of

LENGTHS = np.full(4001, 1)
"""Every residue a protein."""


def world(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Narrow features 0 (rare), 1 (everywhere but 5 %), 2 (rare); 0 is split into wide 0, 1 and 2,
    2 is wide 3, and 4 to 6 know nothing of any."""
    rng = np.random.default_rng(seed)
    n = 4001
    first = rng.random(n) < 0.1
    which = rng.integers(0, 3, n)
    third = rng.random(n) < 0.05
    narrow = np.stack([first, rng.random(n) < 0.95, third], axis=1)
    wide = [first & (which == part) for part in range(3)]
    wide += [third, *(rng.random(n) < share for share in (0.05, 0.3, 0.9))]
    return narrow, np.stack(wide, axis=1)


@pytest.mark.parametrize("values", [1, 10**6], ids=["one by one", "at once"])
@pytest.mark.parametrize("seed", range(3))
def test_planted_parts_are_found(seed: int, values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(split_features, "PRODUCT_VALUES", values)
    narrow, wide = world(seed)
    found = parts_of(sparse.csr_array(narrow), sparse.csr_array(wide), LENGTHS)
    assert found.whole.tolist() == [0, 0, 0, 2]
    assert found.part.tolist() == [0, 1, 2, 3]


def test_shares_are_of_other_residues() -> None:
    narrow, wide = world(0)
    parts = parts_of(sparse.csr_array(narrow), sparse.csr_array(wide), LENGTHS)
    other_narrow, other_wide = world(1)
    other_wide[::2, 0] = False
    by_any, by_best = covered_shares(
        sparse.csr_array(other_narrow), sparse.csr_array(other_wide), parts
    )
    own = other_narrow[:, 0]
    assert by_any[0] == pytest.approx(other_wide[own, :3].any(1).mean())
    assert by_best[0] == pytest.approx(other_wide[own, :3].mean(0).max())
    assert by_best[0] < 0.5 < 0.8 < by_any[0] < 1
    assert np.isnan([by_any[1], by_best[1]]).all()
    assert by_any[2] == by_best[2] == 1


def test_a_handful_of_residues_makes_no_part() -> None:
    narrow = np.zeros((100, 1), bool)
    narrow[:20] = True
    wide = np.zeros((100, 2), bool)
    wide[:9, 0] = wide[:10, 1] = True
    lengths = np.full(50, 2)
    found = parts_of(sparse.csr_array(narrow), sparse.csr_array(wide), lengths)
    assert found.part.tolist() == [1]


def test_a_segment_of_two_proteins_makes_no_part() -> None:
    narrow, wide = (sparse.csr_array(np.ones((40, 1), bool) * (np.arange(40) < 20)[:, None]),) * 2
    assert parts_of(narrow, wide, np.array([10, 10, 10, 10])).part.tolist() == []
    assert parts_of(narrow, wide, np.array([7, 7, 7, 19])).part.tolist() == [0]
