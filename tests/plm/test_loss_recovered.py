"""Shares of the loss recovered: by hand, and how often their interval is right."""

import math

import numpy as np
import pytest

from protsae.plm.esm2.tokens import N_TOKENS, tokenise
from protsae.plm.loss_recovered import (
    LOSS_FIELDS,
    Recovered,
    fieller,
    loss_fields,
    recovered,
    unigram_logp,
    unigram_nats,
)
from protsae.plm.spliced_loss import MaskedLoss

CLUSTER = np.array([0, 0, 1, 2, 3])
"""Of five proteins."""


def of_proteins(*nats: float) -> np.ndarray:
    return np.array([nats, nats], dtype=float)  # two masks, alike


def share(clean: float, spliced: float, floor: float) -> Recovered:
    """Of proteins that are all alike."""
    same = (of_proteins(*[nats] * 5) for nats in (clean, spliced, floor))
    return recovered(*same, np.full((2, 5), 7), CLUSTER)


def test_ends_of_the_scale_and_beyond() -> None:
    found = {spliced: share(2.0, spliced, 3.0).share for spliced in (2.0, 2.25, 3.0, 3.5, 1.5)}
    assert found == {2.0: 1.0, 2.25: 0.75, 3.0: 0.0, 3.5: -0.5, 1.5: 1.5}


@pytest.mark.parametrize("floor", [2.0, 1.9])
def test_none_where_the_floor_costs_nothing(floor: float) -> None:
    assert math.isnan(share(2.0, 2.5, floor).share)


def test_none_where_the_floor_may_cost_nothing() -> None:
    # Clusters 0 to 3 (the first has two proteins): mean ablation costs 3 + 3, -2, -2, 2 nats.
    clean = of_proteins(5, 5, 5, 5, 5)
    floor = of_proteins(8, 8, 3, 3, 7)
    found = recovered(clean, clean, floor, np.full((2, 5), 7), CLUSTER)
    assert [math.isnan(value) for value in (found.share, found.low, found.high)] == [True] * 3


def test_none_of_a_single_cluster() -> None:
    clean = of_proteins(1, 1)
    one = recovered(clean, clean, 2 * clean, np.full((2, 2), 7), np.array([0, 0]))
    assert math.isnan(one.share)


def test_two_clusters_are_enough() -> None:
    """They recover 1 of 2 and 2 of 2 nats; equal weights leave one degree of freedom."""
    clean, floor = np.zeros((1, 2)), np.full((1, 2), 2.0)
    found = recovered(clean, np.array([[1.0, 0]]), floor, np.full((1, 2), 7), np.arange(2))
    assert found.share == 0.75
    expected = fieller(np.array([1.0, 2]), np.array([2.0, 2]), 12.7062047)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_a_gain_of_less_than_a_nat_is_enough() -> None:
    """All that the floor costs in the five proteins is 2 x 5 x 0.01 nats."""
    assert share(2.0, 2.005, 2.01).share == pytest.approx(0.5)


def test_masks_and_relatives_are_summed_before_clusters_are_compared() -> None:
    # Cluster 0 gains 1 + 3 and 2 + 2 nats of 4 in each mask and protein: 8 of 16; the others half.
    clean = np.zeros((2, 5))
    floor = np.full((2, 5), 4.0)
    spliced = np.full((2, 5), 2.0)
    spliced[:, :2] = [[3, 1], [2, 2]]
    found = recovered(clean, spliced, floor, np.full((2, 5), 7), CLUSTER)
    assert found == Recovered(0.5, 0.5, 0.5)


def test_fieller_bounds_solve_its_equation() -> None:
    rng = np.random.default_rng(0)
    y = rng.gamma(2, 1, 13)
    x = 0.3 * y + rng.normal(0, 0.2, 13)
    found = fieller(x, y, 2.2)
    assert found.share == pytest.approx(x.sum() / y.sum())
    for bound in (found.low, found.high):
        rest = x - bound * y
        error = math.sqrt(13 / 12 * ((rest - rest.mean()) ** 2).sum())
        assert abs(rest.sum()) == pytest.approx(2.2 * error)


def test_interval_holds_the_truth_over_clusters_and_masks() -> None:
    """Clusters of unequal size and gain, masked five times; the truth is that of all clusters."""
    rng = np.random.default_rng(0)
    n_worlds, n_clusters, n_masks = 400, 37, 5
    held = []
    for _ in range(n_worlds):
        size = rng.geometric(0.04, n_clusters) + 3
        own = rng.normal(0, 0.1, n_clusters)  # a cluster's gain, beside the mean of 0.3
        noise = rng.normal(0, 1.0, (2, n_masks, n_clusters)) * np.sqrt(size)
        possible = 0.3 * size + 0.2 * noise[0]
        gained = (0.09 + 0.3 * own) * size + 0.1 * (noise[0] + noise[1])
        zero = np.zeros((n_masks, n_clusters))
        n_masked = np.broadcast_to(size, zero.shape)
        found = recovered(zero, possible - gained, possible, n_masked, np.arange(n_clusters))
        held.append(found.low <= 0.3 <= found.high)
    # 95 % +- 2 standard errors of 400 worlds, and 1 point.
    assert 0.918 <= np.mean(held) <= 0.982


def test_frequencies_of_train() -> None:
    logp = unigram_logp(["AAAC", "XBZA"])  # 4 A and 1 C of 5 standard residues
    assert np.exp(logp) == pytest.approx([5 / 25, 2 / 25, *[1 / 25] * 18])


def a_loss() -> MaskedLoss:
    """Three proteins of one masked residue each, A, A and C; two masks."""
    tokens = np.zeros((2, 3, N_TOKENS), dtype=int)
    for protein, letter in enumerate("AAC"):
        tokens[:, protein, tokenise(letter)] = 1
    nats = {
        "clean": np.array([[1.0, 1.0, 1.0]] * 2),
        "sae": np.array([[1.5, 1.5, 1.5], [2.0, 2.0, 2.0]]),
        "mean_ablation": np.full((2, 3), 3.0),
        "zero_ablation": np.full((2, 3), 11.0),
    }
    kl = {"sae": np.full((2, 3), 0.5), "mean_ablation": np.ones((2, 3))}
    return MaskedLoss(tokens, nats, kl | {"zero_ablation": np.full((2, 3), 2.0)})


def test_columns_by_hand() -> None:
    logp = np.array([-2.0, -5.0, *[-7.0] * 18])  # of A, C and the others
    assert unigram_nats(a_loss(), logp).tolist() == [[2.0, 2.0, 5.0]] * 2
    found = loss_fields(a_loss(), "sae", logp, np.arange(3))
    assert tuple(found) == LOSS_FIELDS
    assert found == pytest.approx(
        {
            # 3 - 1.75 of 3 - 1; by mask 3/4 and 1/2: SD sqrt(2 (1/8)^2 / 1).
            "loss_recovered": 0.625,
            "loss_recovered_low": 0.625,
            "loss_recovered_high": 0.625,
            "loss_recovered_mask_sd": math.sqrt(2) / 8,
            # Unigram costs 1, 1 and 4 nats more than clean: not surely more, of three clusters.
            "loss_recovered_vs_unigram": None,
            "loss_recovered_vs_zero": 9.25 / 10,
            "ce_clean": 1.0,
            "ce_spliced": 1.75,
            "ce_mean_ablation": 3.0,
            "ce_unigram": 3.0,
            "ce_zero_ablation": 11.0,
            "kl_spliced": 0.5,
            "kl_mean_ablation": 1.0,
            "kl_zero_ablation": 2.0,
            "n_masked": 6,
            "n_masks": 2,
        }
    )


def test_one_mask_has_no_spread_and_no_floor_no_share() -> None:
    loss = a_loss()
    one = MaskedLoss(
        loss.tokens[:1],
        {name: nats[:1] for name, nats in loss.nats.items()},
        {name: kl[:1] for name, kl in loss.kl.items()},
    )
    logp = unigram_logp(["AC"])
    assert loss_fields(one, "sae", logp, np.arange(3))["loss_recovered_mask_sd"] is None
    loss.nats["mean_ablation"][:] = 1.0
    flat = loss_fields(loss, "sae", logp, np.arange(3))
    assert [flat[name] for name in LOSS_FIELDS[:4]] == [None] * 4
    assert flat["ce_mean_ablation"] == 1.0


def test_the_spread_between_two_masks_by_hand() -> None:
    """Of floors 5 and 8 above clean losses of 1 and 2, 3 of 4 and 5 of 6 nats are recovered."""
    loss = a_loss()
    nats = {"clean": [1, 2], "sae": [2, 3], "mean_ablation": [5, 8], "zero_ablation": [9, 9]}
    for name, sums in nats.items():
        loss.nats[name] = np.array([[x / 3] * 3 for x in sums])
    fields = loss_fields(loss, "sae", unigram_logp(["AC"]), np.arange(3))
    assert fields["loss_recovered"] == pytest.approx((3 + 5) / (4 + 6))
    spread = abs(3 / 4 - 5 / 6) / math.sqrt(2)
    assert fields["loss_recovered_mask_sd"] == pytest.approx(spread)
