"""Absorption: planted, and worlds without any."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest

from protsae.concepts.concept import Concept
from protsae.concepts.sequence.sequence_concepts import SEQUENCE_CONCEPTS
from protsae.neighbours.absorption import Instances, absorbed, nested

N_CLUSTERS, EACH = 40, 6


def instances(
    silent_at_child: float, silent_elsewhere: float, taken: float, seed: int, together: float = 0.0
) -> Instances:
    """Six instances of each cluster, half of the narrower concept. With ``together`` a cluster's
    instances are found or missed as one, as relatives are."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(N_CLUSTERS), EACH)
    is_child = np.tile(np.arange(EACH) < EACH // 2, N_CLUSTERS)
    of_cluster = rng.random(N_CLUSTERS)[cluster]
    chance = np.where(rng.random(len(cluster)) < together, of_cluster, rng.random(len(cluster)))
    is_silent = chance < np.where(is_child, silent_at_child, silent_elsewhere)
    is_taken = rng.random(len(cluster)) < taken
    return with_defaults(cluster, is_child, is_silent, is_taken)


def with_defaults(
    cluster: np.ndarray, is_child: np.ndarray, is_silent: np.ndarray, is_taken: np.ndarray
) -> Instances:
    """Of one length, and of no other narrower concept."""
    length = np.full(len(cluster), 40)
    return Instances(cluster, is_child, np.zeros_like(is_child), length, is_silent, is_taken)


def test_counts_are_those_by_hand() -> None:
    found = absorbed(
        with_defaults(
            cluster=np.array([0, 0, 1, 1, 2]),
            is_child=np.array([True, True, True, False, False]),
            is_silent=np.array([True, True, False, True, False]),
            is_taken=np.array([True, False, True, True, False]),
        )
    )
    assert (found.n_child, found.n_other) == (3, 2)
    assert found.share == pytest.approx(1 / 3)
    assert found.silent_at_child == pytest.approx(2 / 3)
    assert found.silent_elsewhere == pytest.approx(1 / 2)
    assert found.difference == pytest.approx(1 / 6)
    # Too few clusters for an interval.
    assert np.isnan([found.share_low, found.share_high, found.difference_low]).all()


def test_planted_absorption_is_found() -> None:
    found = absorbed(instances(0.9, 0.2, taken=0.95, seed=0, together=0.5))
    assert found.is_found
    assert found.difference_low > 0.5
    assert 0.75 < found.share_low < found.share < found.share_high < 0.95


@pytest.mark.parametrize("together", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("silent", [0.05, 0.5, 0.9])
def test_plain_misses_are_seldom_taken_for_it(silent: float, together: float) -> None:
    """A detector with a recall of 95, 50 or 10 % misses as many of either kind."""
    n = 200
    lows = [
        absorbed(instances(silent, silent, 0.9, seed, together)).difference_low for seed in range(n)
    ]
    assert not np.isnan(lows).any()
    wrong = int((np.array(lows) > 0).sum())
    assert binomtest(wrong, n, 0.025, alternative="greater").pvalue > 0.01, wrong


def test_without_either_kind_nothing_is_said() -> None:
    empty = np.zeros(0, bool)
    found = absorbed(with_defaults(np.zeros(0, int), empty, empty, empty))
    assert (found.n_child, found.n_other) == (0, 0)
    assert np.isnan([found.share, found.difference, found.silent_elsewhere]).all()
    only = instances(0.5, 0.5, 0.5, 0)
    children = replace(only, is_child=np.ones_like(only.is_child))
    assert np.isnan(absorbed(children).difference)
    assert np.isfinite(absorbed(children).share)


def test_silence_without_a_stand_in_is_no_absorption() -> None:
    """The narrower feature is never on where the broader one is silent."""
    drawn = instances(0.5, 0.1, taken=1.0, seed=0)
    found = absorbed(replace(drawn, is_taken=~drawn.is_silent))
    assert found.difference_low > 0
    assert found.share == 0
    assert not found.is_found


def test_a_feature_that_misses_most_instances_has_no_hole() -> None:
    found = absorbed(instances(0.99, 0.7, taken=0.99, seed=0))
    assert found.difference_low > 0
    assert found.share_low > found.silent_elsewhere
    assert not found.is_found


@pytest.mark.parametrize("seed", range(5))
def test_short_instances_are_compared_with_short_ones(seed: int) -> None:
    """The broader feature is on at 3 % of the residues of any domain; narrower ones are short."""
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(60), 6)
    is_child = np.tile(np.arange(6) < 2, 60)
    short = is_child | np.tile(np.arange(6) == 2, 60)
    length = np.where(short, rng.integers(29, 37, 360), rng.integers(80, 250, 360))
    is_silent = rng.random(360) < 0.97**length
    drawn = Instances(
        cluster, is_child, np.zeros(360, bool), length, is_silent, rng.random(360) < 0.95
    )
    found = absorbed(drawn)
    assert found.n_other <= 61
    assert not found.is_found
    assert is_silent[is_child].mean() - is_silent[~is_child].mean() > 0.2, "as all others would say"


def test_instances_that_others_have_taken_are_left_out() -> None:
    drawn = instances(0.9, 0.9, taken=0.95, seed=0)
    is_of_others = ~drawn.is_child & (np.arange(len(drawn.cluster)) % 2 == 0)
    is_silent = drawn.is_silent & (drawn.is_child | is_of_others)
    assert not absorbed(replace(drawn, is_silent=drawn.is_silent)).is_found
    found = absorbed(replace(drawn, is_of_others=is_of_others, is_silent=is_silent))
    assert found.silent_elsewhere == 0
    assert found.is_found


def test_pairs_are_types_and_names() -> None:
    types = ("DOMAIN", "DOMAIN: SH3", "MOD_RES: Phosphoserine", "TRANSMEM", "TRANSMEM: Helical")
    annotated = tuple(Concept(name, name.partition(":")[0], "UniProt") for name in types)
    # MOD_RES is no concept of this run, and no feature has taken lysine from positive residues.
    assert nested((*SEQUENCE_CONCEPTS, *annotated)) == [
        ("DOMAIN", "DOMAIN: SH3"),
        ("TRANSMEM", "TRANSMEM: Helical"),
    ]
