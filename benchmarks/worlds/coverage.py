"""Do intervals of F1 and AUROC hold the truth? Clusters of many kinds of detectors, drawn anew.

F1: clusters, the independent unit, of a random number of proteins, some with a concept; each has
hit and false-positive rates of its own. The truth is the F1 of 2,000,000 fresh clusters of the same
process. AUROC: scores of residues with and without the concept are normal, shifted by cluster, so
that the truth is known.
"""

import numpy as np
from scipy.stats import norm

from protsae.statistics.cluster_intervals import (
    auroc_interval,
    bootstrap_weights,
    interval,
    share_interval,
)

LENGTH = 300
N_FRESH, N_INTERVALS, N_RESAMPLINGS = 2_000_000, 2000, 300
PROCESSES = {
    "good": {"hit": 0.8, "alike": 4.0, "false": 0.002},
    "mixed": {"hit": 0.6, "alike": 2.0, "false": 0.002},
    "poor": {"hit": 0.3, "alike": 4.0, "false": 0.002},
    "nearly perfect": {"hit": 0.95, "alike": 4.0, "false": 0.0005},
}
"""Beta(hit * alike, (1 - hit) * alike) hit rates; mean rate of false positives per residue."""

DISTANCES, SPREADS, N_AREAS = (0.0, 1.0, 2.5, 4.0), ((0.3, 0.1), (1.0, 0.3), (1.0, 1.0)), 300
"""Of AUROC: mean distance of scores with and without the concept, in standard deviations of a
residue's; that of a cluster's shift, with and without; samples."""

CLUSTERS = ((10, 1.0), (14, 1.0), (20, 1.0), (20, 0.5), (60, 1.0), (60, 0.2), (200, 0.1))
"""Number of clusters, 10 or more, and share of them with the concept."""
OF_AREAS = ((10, 1.0), (20, 0.5), (60, 1.0), (200, 0.1))


def measure_intervals() -> tuple[float, float]:
    """Print coverage; the lowest and the highest of ``share_interval``, of `N_INTERVALS`."""
    print("| process | clusters | with concept | true F1 | share_interval | resampled clusters |")
    print("|---|---|---|---|---|---|")
    found = []
    for name, process in PROCESSES.items():
        truths: dict[float, float] = {}
        for n_clusters, share in CLUSTERS:
            if share not in truths:
                fresh = draw_clusters(N_FRESH, share, process, np.random.default_rng(0))
                truths[share] = float(fresh[0].sum() / fresh[1].sum())
            truth, rng = truths[share], np.random.default_rng(1)
            drawn = [draw_clusters(n_clusters, share, process, rng) for _ in range(N_INTERVALS)]
            defined = [(x, y) for x, y in drawn if y.any()]
            x, y = (np.stack(each, axis=1) for each in zip(*defined, strict=True))
            weights = bootstrap_weights(n_clusters, N_RESAMPLINGS, seed=0)
            below = weights @ y
            resampled = np.full(below.shape, np.nan)
            np.divide(weights @ x, below, out=resampled, where=below > 0)
            ours, theirs = (
                float(((low <= truth) & (truth <= high)).mean())
                for low, high in (share_interval(x, y), interval(resampled))
            )
            found.append(ours)
            with_concept = f"{share:.0%}"
            print(
                f"| {name} | {n_clusters} | {with_concept} | {truth:.3f} | {ours:.3f} | "
                f"{theirs:.3f} |"
            )
    print()
    return min(found), max(found)


def measure_areas() -> tuple[float, float]:
    """Print coverage of ``auroc_interval``; the lowest and the highest."""
    names = [f"{number}, {share:.0%} with it" for number, share in OF_AREAS]
    print(f"| AUROC | spread of clusters | {' | '.join(names)} |")
    print("|---" * (len(OF_AREAS) + 2) + "|")
    found = []
    for distance in DISTANCES:
        for spread in SPREADS:
            truth = norm.cdf(distance / np.sqrt(2 + spread[0] ** 2 + spread[1] ** 2))
            shares = []
            for number, share in OF_AREAS:
                rng = np.random.default_rng(1)
                bounds = [area_bounds(number, share, distance, spread, rng) for _ in range(N_AREAS)]
                low, high = np.array([pair for pair in bounds if not np.isnan(pair[0])]).T
                shares.append(float(((low <= truth) & (truth <= high)).mean()))
            found += shares
            cells = " | ".join(f"{share:.3f}" for share in shares)
            print(f"| {truth:.3f} | {spread[0]}, {spread[1]} | {cells} |")
    print()
    return min(found), max(found)


def area_bounds(
    number: int,
    share: float,
    distance: float,
    spread: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """``auroc_interval`` of one sample of clusters, a share of them with the concept."""
    positives = np.where(rng.random(number) < share, rng.integers(1, 40, number), 0)
    negatives = rng.geometric(0.4, number) * LENGTH // 2
    with_it, without = (np.repeat(np.arange(number), n) for n in (positives, negatives))
    x = rng.normal(distance + rng.normal(0, spread[0], number)[with_it])
    y = rng.normal(rng.normal(0, spread[1], number)[without])
    below = np.searchsorted(np.sort(y), x) / len(y)
    above = 1 - np.searchsorted(np.sort(x), y) / max(1, len(x))
    placed, passed = (
        np.bincount(cluster, values, number)
        for cluster, values in ((with_it, below), (without, above))
    )
    return auroc_interval(placed, positives, passed, negatives)


def draw_clusters(
    number: int, share: float, process: dict[str, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """2 TP, and on + positives, by cluster."""
    n_proteins = rng.geometric(0.4, number)
    has = rng.random(number) < share
    positives = np.where(has, rng.binomial(n_proteins * 30, rng.uniform(0.3, 1, number)), 0)
    hit, alike = process["hit"], process["alike"]
    tp = rng.binomial(positives, rng.beta(hit * alike, (1 - hit) * alike, number))
    rate = rng.gamma(0.5, 2 * process["false"], number)
    false = rng.poisson(rate * n_proteins * LENGTH)
    return 2 * tp, tp + false + positives
