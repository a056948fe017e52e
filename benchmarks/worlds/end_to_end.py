"""`score_detectors` on planted worlds: what it calls, its verdicts and its intervals."""

import numpy as np
import pandas as pd

from benchmarks.worlds.measures import LEVEL, POWERFUL
from benchmarks.worlds.world import World
from protsae import score_detectors

DECISIVE = 20
"""Clusters with the concept from which on a verdict must be reached."""
MARGIN = 0.15
"""By how much the true F1 of a winner exceeds that of every baseline and rule."""

TIE = 0.01
"""F1 of fresh proteins that differ by less are equal."""

FIGURES = ("p", "fdp", "power", "fooled", "verdicts", "covered")
"""Share of null pairs with a p-value of at most ``LEVEL``; false share of the pairs called; share
of the detectors called; false share of the verdicts "above"; share of the winners with one; share
of F1's intervals that hold the truth."""


class Truth:
    """F1 on fresh proteins of one process, many times as many as a world has.

    A table of all worlds of a kind asks for thousands of F1s: the values of a detector are sorted
    once for each concept.
    """

    def __init__(self, world: World):
        self._world = world
        self._n_labelled = np.count_nonzero(world.labels, axis=0)
        self._sorted: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._best_other = [self._largest(concept) for concept in range(world.labels.shape[1])]

    def f1(self, feature: int, concept: int, threshold: float) -> float:
        """Of a feature that is on above a threshold of at least 0."""
        key = feature, concept
        if key not in self._sorted:
            self._sorted[key] = self._positive(self._world.activations[:, feature], concept)
        return self._f1(*self._sorted[key], concept, threshold)

    def best_other(self, concept: int) -> float:
        """The largest of baselines, each at its best threshold, and the rule."""
        return self._best_other[concept]

    def _largest(self, concept: int) -> float:
        rule = self._positive(self._world.rules[:, concept], concept)
        found = [self._f1(*rule, concept, 0)]
        for values in self._world.baselines.T:
            levels = [0.0, *np.quantile(values[values > 0], (0.1, 0.25, 0.5))]
            positive = self._positive(values, concept)
            found += [self._f1(*positive, concept, level) for level in levels]
        return max(found)

    def _positive(self, values: np.ndarray, concept: int) -> tuple[np.ndarray, np.ndarray]:
        """Positive values where the concept is known, and those where it is labelled; sorted."""
        rows = np.flatnonzero(values > 0)
        rows = rows[self._world.known[rows, concept]]
        labelled = rows[self._world.labels[rows, concept]]
        return np.sort(values[rows]), np.sort(values[labelled])

    def _f1(self, known: np.ndarray, labelled: np.ndarray, concept: int, threshold: float) -> float:
        n_on, n_right = (
            len(values) - int(np.searchsorted(values, threshold, side="right"))
            for values in (known, labelled)
        )
        return 2 * n_right / max(1, n_on + int(self._n_labelled[concept]))


def scored(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """All pairs that `score_detectors` proposes, split by cluster at random."""
    return score_detectors(
        world.by_protein(world.activations),
        world.by_protein(world.labels),
        world.clusters(),
        known=world.by_protein(world.known),
        split=world.split(rng),
        baselines={"coordinates": world.by_protein(world.baselines)},
        sequences=world.sequences(),
    )


def with_truth(pairs: pd.DataFrame, world: World, truth: Truth) -> pd.DataFrame:
    """The pairs with what is true of each: null, detector, true_f1, best_other."""
    pair = pairs["feature"].to_numpy(), pairs["concept"].to_numpy(dtype=int)
    best = np.array([truth.best_other(concept) for concept in range(world.labels.shape[1])])
    rows = zip(*pair, pairs["threshold"], strict=True)
    return pairs.assign(
        null=world.null[pair],
        detector=world.detectors[pair],
        true_f1=[truth.f1(feature, concept, level) for feature, concept, level in rows],
        best_other=best[pair[1]],
    )


def figures(pairs: pd.DataFrame) -> dict[str, float]:
    """``FIGURES`` of one world's pairs `with_truth`; NaN where it has none of the kind."""
    called, null = pairs["q_value"] <= LEVEL, pairs["null"]
    above = pairs["verdict"] == "above"
    # Equal processes have equal F1; of fresh proteins it differs by chance.
    beaten = pairs["best_other"] >= pairs["true_f1"] - TIE
    winner = pairs["detector"] & (pairs["true_f1"] >= pairs["best_other"] + MARGIN)
    winner &= pairs["n_clusters"] >= DECISIVE
    enough = pairs["n_clusters"] >= POWERFUL
    covered = (pairs["f1_low"] <= pairs["true_f1"]) & (pairs["true_f1"] <= pairs["f1_high"])
    return {
        "p": (pairs["p_value"] <= LEVEL)[null].mean(),
        "fdp": (called & null).sum() / max(1, called.sum()),
        "power": called[pairs["detector"] & enough].mean(),
        "fooled": (above & beaten).sum() / max(1, above.sum()),
        "verdicts": above[winner].mean(),
        "covered": covered[enough & pairs["f1_low"].notna()].mean(),
    }
