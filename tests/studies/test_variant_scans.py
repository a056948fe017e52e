"""The study of measured variants: ranks, splits and ridge against other programs."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge

from studies.variants.computed_scan import read_scan
from studies.variants.rank_correlation import resampled_spearman, spearman, spearman_of
from studies.variants.regression import (
    PENALTIES,
    Split,
    compared,
    predicted,
    products,
    ridge,
    scaled,
    splits,
)

RNG = np.random.default_rng(0)


def test_spearman_with_ties() -> None:
    for _ in range(7):
        x, y = RNG.integers(0, 5, 31), RNG.integers(0, 5, 31)
        assert spearman(x, y) == pytest.approx(spearmanr(x, y).statistic)
    assert spearman(np.zeros(5), np.arange(5)) == 0


def test_resampled_is_that_of_variants_written_out() -> None:
    """With ties in both, and sites that are not drawn; a constant score ranks nothing."""
    owner = np.repeat(np.arange(11), 3)
    scores = {"x": RNG.integers(0, 5, 33).astype(float), "constant": np.ones(33)}
    measured = RNG.integers(0, 7, 33).astype(float)
    draws = RNG.integers(0, 3, (61, 11))
    found = resampled_spearman(scores, measured, owner, draws)
    for number, drawn in enumerate(draws):
        rows = np.repeat(np.arange(33), drawn[owner])
        expected = spearmanr(scores["x"][rows], measured[rows]).statistic
        assert found["x"][number] == pytest.approx(expected)
    assert not found["constant"].any()


def test_intervals_over_sites_are_wider_than_over_variants() -> None:
    """Where all variants of a site share score and measurement there are as many as sites."""
    site = np.repeat(np.arange(30), 19)
    x = RNG.normal(size=30)[site]
    y = x + RNG.normal(size=30)[site]
    _, by_site = spearman_of({"x": x}, y, site)
    _, by_variant = spearman_of({"x": x}, y, np.arange(len(site)))
    assert by_site["x"].std() > 3 * by_variant["x"].std()


@pytest.mark.parametrize("by_site", [False, True])
def test_splits_keep_what_they_say(by_site: bool) -> None:
    site = np.repeat(np.arange(41), 13)
    found = list(splits(site, 96, 5, by_site))
    assert len({tuple(one.train) for one in found}) == 5
    for one in found:
        assert len(one.train) == len(one.fold) == len(set(one.train)) == 96
        assert not set(one.train) & set(one.test)
        if by_site:
            assert not set(site[one.train]) & set(site[one.test])
            folds = pd.Series(one.fold).groupby(site[one.train]).nunique()
            assert (folds == 1).all()


def test_ridge_is_that_of_scikit_learn() -> None:
    x, y = RNG.normal(size=(23, 41)), RNG.normal(size=23)
    found = ridge(x, y, PENALTIES)
    for column, penalty in enumerate(PENALTIES):
        theirs = Ridge(alpha=penalty * len(x), fit_intercept=False, solver="svd").fit(x, y)
        np.testing.assert_allclose(found[:, column], theirs.coef_, atol=1e-8)


def test_an_input_that_tells_is_found_and_one_that_does_not_is_not() -> None:
    """A wide block with the answer in it, noise, and both; by site, none has the sites."""
    site = np.repeat(np.arange(60), 19)
    measured = RNG.normal(size=len(site))
    noise = RNG.normal(size=(len(site), 101))
    told = np.column_stack([measured + 0.1 * RNG.normal(size=len(site)), noise[:, :3]])
    inputs = {"told": [told], "noise": [noise], "both": [noise, told]}
    for by_site in (False, True):
        found = compared(inputs, {"score": measured}, measured, site, 96, 5, by_site)
        assert found["told"].mean > 0.95
        assert abs(found["noise"].mean) < 0.1
        assert found["both"].mean > 0.8
        assert found["score"].by_split.tolist() == [1.0] * 5
        assert found["score"].interval == (1.0, 1.0)
        assert found["told"].less(found["noise"]).interval[0] > 0.5
        assert found["noise"].interval[0] < 0 < found["noise"].interval[1]


def test_inner_products_predict_as_weights_do() -> None:
    """Without a group, too; many test rows go in parts."""
    blocks = [RNG.normal(size=(3011, 7)), RNG.normal(size=(3011, 2))]
    y, rows = RNG.normal(size=29), RNG.permutation(3011)
    split = Split(rows[:29], rows[29:], np.arange(29) % 5)
    x = scaled(blocks, split.train)
    inner, outer = products(blocks, split)
    np.testing.assert_allclose(outer, x[split.test] @ x[split.train].T, atol=1e-12)
    for kept in (np.arange(29), np.arange(29) % 3 > 0):
        theirs = Ridge(alpha=0.1 * len(y[kept]), solver="svd").fit(x[split.train][kept], y[kept])
        found = predicted(inner[kept][:, kept], outer[:, kept], y[kept], 0.1)
        difference = found - theirs.predict(x[split.test])
        np.testing.assert_allclose(difference, difference[0], atol=1e-9)


def simulated_scan(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """40 sites of 7 variants: inputs and measurements, both alike within a site."""
    rng, site = np.random.default_rng(seed), np.repeat(np.arange(40), 7)
    x = rng.normal(size=(40, 3))[site] + rng.normal(size=(280, 3))
    y = x @ np.array([1.0, 0.5, 0]) + 1.5 * rng.normal(size=40)[site] + rng.normal(size=280)
    return site, x, y


def test_intervals_cover_the_mean_over_scans() -> None:
    """95 % intervals; those over splits as if they were independent cover far less often."""
    found = []
    for seed in range(40):
        site, x, y = simulated_scan(seed)
        found.append(compared({"x": [x]}, {}, y, site, 24, 6, by_site=True)["x"])
    truth = np.mean([one.mean for one in found])
    covers = [one.interval[0] <= truth <= one.interval[1] for one in found]
    error = [one.by_split.std(ddof=1) / np.sqrt(6) for one in found]
    naive = [abs(one.mean - truth) <= 2.57 * e for one, e in zip(found, error, strict=True)]
    assert np.mean(covers) >= 0.85
    assert np.mean(naive) <= 0.7


def test_a_scan_leaves_out_what_it_cannot_use(tmp_path) -> None:
    (tmp_path / "x.wt.txt").write_text("MKVA\n")
    rows = "mutant,DMS_score\nM1A,0.5\nK2A:V3A,1\nV3C,\nA4C,0.25\nA4D,0.75\n"
    (tmp_path / "x.csv").write_text(rows)
    scan = read_scan(tmp_path / "x.csv")
    assert [str(mutant) for mutant in scan.mutants] == ["M1A", "A4C", "A4D"]
    assert scan.measured.tolist() == [0.5, 0.25, 0.75]
    assert len({mutant.positions[0] for mutant in scan.of_sites(1).mutants}) == 1
    assert len(scan.of_sites(7).mutants) == 3
    drawn = scan.of_variants(2)
    assert len(drawn.mutants) == 2
    assert drawn.mutants == scan.of_variants(2).mutants
    by_name = dict(zip(map(str, scan.mutants), scan.measured.tolist(), strict=True))
    assert [by_name[str(mutant)] for mutant in drawn.mutants] == drawn.measured.tolist()
    assert len(scan.of_variants(7).mutants) == 3
