"""Worlds of periods: labels and features that share a phase, and nothing else."""

import numpy as np

from benchmarks.worlds.families import Families, draw_families, unequal_sizes
from benchmarks.worlds.marks import annotated, family_windows, on_all, some_families, spread
from benchmarks.worlds.relatives import compare
from benchmarks.worlds.world import Sketch, World, detected


def period_of_helices(rng: np.random.Generator, n_families: int) -> World:
    """One residue in 3.6: one face of a helix.

    Null: label and feature each lie in a region of their own anywhere in the chain, in one phase,
    which the family sets. The rotation must pass, for features in the same families as for others:
    those that are out of phase say nothing of the regions.
    """
    return _in_phase(rng, n_families, 3.6, 1)


def period_of_heptads(rng: np.random.Generator, n_families: int) -> World:
    """One or two residues in 7, as in coiled coils.

    Null: as with the period of helices.
    """
    return _in_phase(rng, n_families, 7.0, 2)


def period_of_eleven(rng: np.random.Generator, n_families: int) -> World:
    """Three residues in 11.

    Null: as with the period of helices.
    """
    return _in_phase(rng, n_families, 11.0, 3)


def period_with_insertions(rng: np.random.Generator, n_families: int) -> World:
    """Heptads that an insertion puts out of step, in half of the relatives.

    Null: as with heptads. What lies on both sides of an insertion keeps no phase under any
    rotation: this is measured, and nothing is demanded.
    """
    return _in_phase(rng, n_families, 7.0, 2, insertions=True)


def tandem_repeats(rng: np.random.Generator, n_families: int) -> World:
    """Repeats of 28 to 40 residues through the chain: a label in each, a feature in each.

    Null: label and feature have places of their own within the repeat, the same in all repeats and
    relatives, so that they meet in all or in none. The rotation must pass.
    """
    families = draw_families(rng, unequal_sizes(rng, n_families))
    sketch = Sketch(rng, families)
    period = rng.integers(28, 41, families.n_families)
    labels = []
    for _ in range(2):
        has = annotated(rng, families, 0.5)
        label = _marks(rng, families, has, period, rng.random(len(period)) * period, (3, 12), None)
        labels.append(label)
        concept = sketch.concept(label)
        sketch.detector(concept, label)
        for size in ((3, 12), (3, 12), (1, 3)):
            start = rng.random(len(period)) * period
            mask = _marks(rng, families, has, period, start, size, None)
            sketch.null(detected(rng, families, mask), [concept], rotation=True)
    compare(sketch, labels)
    return sketch.world()


def _in_phase(
    rng: np.random.Generator, n_families: int, period: float, width: int, insertions: bool = False
) -> World:
    sizes = unequal_sizes(rng, n_families)
    families = draw_families(rng, sizes, insertions=insertions)
    sketch = Sketch(rng, families)
    each = np.full(families.n_families, period)
    phase = rng.random(families.n_families) * period

    def marks(has: np.ndarray) -> np.ndarray:
        region = family_windows(rng, families.ancestor, (0.2, 0.6))
        return _marks(rng, families, has, each, phase, (width, width), region)

    labels = []
    for _ in range(2):
        has = annotated(rng, families, 0.5)
        labels.append(marks(has))
        concept = sketch.concept(labels[-1])
        sketch.detector(concept, labels[-1])
        for others in (has, has, on_all(families), some_families(rng, families, 0.5)):
            sketch.null(detected(rng, families, marks(others)), [concept], rotation=True)
    compare(sketch, labels)
    return sketch.world()


def _marks(
    rng: np.random.Generator,
    families: Families,
    has: np.ndarray,
    period: np.ndarray,
    phase: np.ndarray,
    width: tuple[int, int],
    region: tuple[np.ndarray, np.ndarray] | None,
) -> np.ndarray:
    """A mark in each period of the ancestor, but for a tenth, within a region or all along."""
    number = np.arange(int((families.ancestor / period).max()) + 1)
    begin = (phase[:, None] + period[:, None] * number).astype(np.int64)
    wide = rng.integers(width[0], width[1] + 1, families.n_families)
    end = begin + wide[:, None]
    low, high = region or (np.zeros(families.n_families), families.ancestor)
    inside = (begin >= low[:, None]) & (end <= high[:, None]) & (rng.random(begin.shape) < 0.9)
    return spread(rng, families, has, begin, np.where(inside, end, begin), missing=0.1)
