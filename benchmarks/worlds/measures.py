"""What the tests say of planted worlds: error rates and power, with the world as the unit."""

from dataclasses import dataclass

import numpy as np

from benchmarks.worlds.world import World
from protsae.association.significance.concatenated_proteins import Chains
from protsae.association.significance.position_null import position_null
from protsae.association.significance.rotation_null import rotation_null
from protsae.statistics.multiple_testing import benjamini_hochberg

LEVEL = 0.05
POWERFUL = 10
"""Clusters with the concept from which on a detector must be found."""

MOST_CONCEPTS, MOST_NULL, MOST_DETECTORS = 2, 4, 1
"""Concepts and pairs of a world that are tested, where the null functions are looked at alone: the
world is the unit, so that many say more than all pairs of a few."""

NULL_FIGURES = ("rotation", "position", "p", "fdp", "power")
"""Shares of null pairs with a p-value of at most ``LEVEL``, of the rotation, the position-keeping
null and the larger; false share of the pairs called; share of the detectors called."""


@dataclass(frozen=True, eq=False)
class PValues:
    """Of all pairs of one world; shape (n_features, n_concepts)."""

    rotation: np.ndarray
    position: np.ndarray

    @property
    def larger(self) -> np.ndarray:
        """The headline p: of a concept of whole proteins, which has no place, that of position."""
        return np.where(
            np.isnan(self.rotation), self.position, np.maximum(self.rotation, self.position)
        )


def p_values(world: World, chosen: np.ndarray) -> PValues:
    """Both nulls, for the pairs where ``chosen`` is true; NaN for all others."""
    families = world.families
    on = [np.flatnonzero(values > 0) for values in world.activations.T]
    found = {name: np.full(chosen.shape, np.nan) for name in ("rotation", "position")}
    for concept, (label, known) in enumerate(zip(world.labels.T, world.known.T, strict=True)):
        features = np.flatnonzero(chosen[:, concept])
        pairs = np.stack([np.arange(len(features)), np.zeros_like(features)], axis=1)
        chains = Chains(families.lengths, families.family, known)
        every = [on[feature] for feature in features]
        for name, null in (("rotation", rotation_null), ("position", position_null)):
            result = null(every, [np.flatnonzero(label)], pairs, chains)
            found[name][features, concept] = result.p_value
    return PValues(**found)


def null_figures(world: World, rng: np.random.Generator) -> dict[str, float]:
    """``NULL_FIGURES`` of one world, of pairs drawn from those it claims something of.

    NaN where it has no such pair.
    """
    n_concepts = world.labels.shape[1]
    some = np.isin(np.arange(n_concepts), rng.permutation(n_concepts)[:MOST_CONCEPTS])
    null = world.null & some
    chosen = _some(rng, null, MOST_NULL) | _some(rng, world.detectors & some, MOST_DETECTORS)
    p = p_values(world, chosen)
    larger = p.larger
    called = benjamini_hochberg(larger.ravel()).reshape(larger.shape) <= LEVEL
    tested = {
        "rotation": (p.rotation, world.rotation_null),
        "position": (p.position, world.position_null),
        "p": (larger, null),
    }
    figures = {n: _mean(values[mask & chosen] <= LEVEL) for n, (values, mask) in tested.items()}
    figures["fdp"] = (called & null).sum() / max(1, called.sum()) if null.any() else np.nan
    enough = chosen & world.detectors & (world.n_labelled() >= POWERFUL)
    return figures | {"power": _mean(called[enough])}


def _some(rng: np.random.Generator, mask: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the places where the mask is true, drawn."""
    places = np.flatnonzero(mask)
    chosen = np.zeros(mask.size, dtype=bool)
    chosen[rng.permutation(places)[:most]] = True
    return chosen.reshape(mask.shape)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else np.nan
