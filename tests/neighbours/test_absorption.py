"""Absorption: planted, and worlds without any."""

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
    return Instances(cluster, is_child, is_silent, rng.random(len(cluster)) < taken)


def test_counts_are_those_by_hand() -> None:
    found = absorbed(
        Instances(
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
    found = absorbed(Instances(np.zeros(0, int), empty, empty, empty))
    assert (found.n_child, found.n_other) == (0, 0)
    assert np.isnan([found.share, found.difference, found.silent_elsewhere]).all()
    only = instances(0.5, 0.5, 0.5, 0)
    children = Instances(only.cluster, np.ones_like(only.is_child), only.is_silent, only.is_taken)
    assert np.isnan(absorbed(children).difference)
    assert np.isfinite(absorbed(children).share)


def test_pairs_are_by_name_and_by_class() -> None:
    types = ("DOMAIN", "DOMAIN: SH3", "MOD_RES: Phosphoserine", "TRANSMEM", "TRANSMEM: Helical")
    annotated = tuple(Concept(name, name.partition(":")[0], "UniProt") for name in types)
    pairs = nested((*SEQUENCE_CONCEPTS, *annotated))
    # MOD_RES is no concept of this run.
    assert pairs[-2:] == [("DOMAIN", "DOMAIN: SH3"), ("TRANSMEM", "TRANSMEM: Helical")]
    classes = [pair for pair in pairs if pair[0] == "class: aliphatic"]
    assert classes == [("class: aliphatic", f"residue: {letter}") for letter in "ILV"]
    assert not [pair for pair in pairs if pair[0].startswith(("motif", "position", "residue"))]
