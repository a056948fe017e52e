"""Worlds of relatives: what a family shares is one observation, however many proteins it has."""

import numpy as np

from benchmarks.worlds.families import draw_families, unequal_sizes
from benchmarks.worlds.marks import alternating, annotated, some_families, spread, windows
from benchmarks.worlds.world import Sketch, World, detected


def families_of_one(rng: np.random.Generator, n_families: int) -> World:
    """Every protein its own cluster; windows of 8 residues to 60 % in half of the proteins.

    Null: given the families, features lie anywhere. Those that know which families have a concept
    must pass the rotation, those in families of their own both tests.
    """
    return _conserved(rng, np.full(n_families, 1))


def families_of_three(rng: np.random.Generator, n_families: int) -> World:
    """Families of 3 in which the windows of labels and features keep their places.

    Null: as in families of one; the overlap of relatives is one chance, not three.
    """
    return _conserved(rng, np.full(n_families, 3), median=150)


def families_of_ten(rng: np.random.Generator, n_families: int) -> World:
    """Families of 10 in which the windows of labels and features keep their places.

    Null: as in families of one; the overlap of relatives is one chance, not ten.
    """
    return _conserved(rng, np.full(n_families, 10), median=120)


def unequal_families(rng: np.random.Generator, n_families: int) -> World:
    """Families of 1 to 10, the large ones annotated more often.

    Null: as in families of one. Features, too, are in large families more often, so that size
    goes with both.
    """
    return _conserved(rng, unequal_sizes(rng, n_families), by_size=0.8)


def _conserved(
    rng: np.random.Generator, sizes: np.ndarray, median: float = 220, by_size: float = 0.0
) -> World:
    families = draw_families(rng, sizes, median)
    sketch = Sketch(rng, families)
    has, labels, concepts = [], [], []
    for size in ((8, 40), (0.1, 0.6)):
        has.append(annotated(rng, families, 0.5))
        labels.append(windows(rng, families, has[-1], size))
        concepts.append(sketch.concept(labels[-1]))
        sketch.detector(concepts[-1], labels[-1])
    for concept in concepts:
        for size in ((8, 40), (20, 80), (0.1, 0.7)):
            mask = windows(rng, families, has[concept], size)
            sketch.null(detected(rng, families, mask), [concept], rotation=True)
        mask = alternating(rng, families, has[concept], (5, 18), (8, 40))
        sketch.null(detected(rng, families, mask), [concept], rotation=True)
    for size in ((8, 40), (20, 80)):
        mask = windows(rng, families, annotated(rng, families, 0.5, by_size), size)
        sketch.null(detected(rng, families, mask), concepts, rotation=True, position=True)
    begin, end = repeated_sites(rng, families.ancestor)
    mask = spread(rng, families, some_families(rng, families, 0.5), begin, end)
    sketch.null(detected(rng, families, mask), concepts, rotation=True, position=True)
    compare(sketch, labels)
    return sketch.world()


def repeated_sites(rng: np.random.Generator, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Seven single residues anywhere in each of these lengths: first and last + 1."""
    begin = (rng.random((len(lengths), 7)) * lengths[:, None]).astype(np.int64)
    return begin, begin + 1


def compare(sketch: Sketch, labels: list[np.ndarray]) -> None:
    """Baselines: an equal of the first concept's detector, and poor ones of all others."""
    for number, label in enumerate(labels):
        noise = {} if number == 0 else {"hit": 0.4}
        sketch.baseline(detected(sketch.rng, sketch.families, label, **noise))
